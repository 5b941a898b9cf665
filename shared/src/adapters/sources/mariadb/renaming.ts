/**
 * What lets a dump go into a database of any name. Around a trigger, routine or event that was made while the database had another default
 * collation than now, mariadb-dump (and mysqldump) switches that default there and back, by `ALTER DATABASE` with the name of the database
 * that was dumped. Without a name the same statement means the current database.
 *
 * The name is taken out of the statements that the tool wrote and out of nothing else. The one that switches is followed by six settings, the
 * one that switches back comes after three more: no name of a table or column, and no alias, is long enough to hold that. Between them stands
 * the text of a program, which may hold any lines: it is read as the client reads it, with its strings, quoted names and comments, until the
 * delimiter that ends it.
 */

/** End of a line, where further ones may have been read. */
const EOL = '\\r\\{0,1\\}\\(\\n\\|$\\)';
const WORD = '[0-9A-Za-z_]\\{1,\\}';
/** Quoted as the tool does, with the quotes inside doubled, or bare where it was told not to quote. */
const NAME = '\\(`\\([^`]\\|``\\)\\{1,\\}`\\|"\\([^"]\\|""\\)\\{1,\\}"\\|[^`" \\n]\\{1,\\}\\)';
const SWITCH = `ALTER DATABASE ${NAME} CHARACTER SET ${WORD} COLLATE ${WORD} ;;*\\r\\{0,1\\}`;
const set = (words: string) => `\\/\\*!50003 SET ${words} \\*\\/ ;;*\\r\\{0,1\\}`;
const SAVE_FIRST = set('@saved_cs_client      = @@character_set_client');
const SETTINGS = [
  SAVE_FIRST,
  set('@saved_cs_results     = @@character_set_results'),
  set('@saved_col_connection = @@collation_connection'),
  set(`character_set_client  = ${WORD}`),
  set(`character_set_results = ${WORD}`),
  set(`collation_connection  = ${WORD}`),
].join('\\n');
const SQL_MODE = set("sql_mode              = '[A-Z0-9_,]*'");
const RESTORED_LAST = set('collation_connection  = @saved_col_connection');
/** Lines that one name may have; so many characters are the most it has. */
const NAME_LINES = 64;

/** Prints the first line and makes the next one the first. */
const goOn = (label: string) => ['/\\n/{', 'P', 's/^[^\\n]*\\n//', `b ${label}`, '}', 'n', `:${label}`];
/** Prints the next line and goes on reading there, in the same state; the line before is read to its end. */
const readOn = (state: string) => ['/^\\n/!{', '$d', 'N', '}', 's/^\\n//', 'P', `b ${state}`];
/** A statement that may stand on several lines, as the name in it may. `otherwise`: it is none. */
const readSwitch = (label: string, otherwise: string) => [
  `:${label}`,
  '/^ALTER DATABASE `\\([^`]\\|``\\)*$/{',
  `/\\(\\n[^\\n]*\\)\\{${NAME_LINES}\\}/b ${otherwise}`,
  'N',
  `b ${label}`,
  '}',
  `/^${SWITCH}\\(\\n\\|$\\)/!b ${otherwise}`,
];
const DROP_NAME = `s/^ALTER DATABASE ${NAME} /ALTER DATABASE /`;
/** What is kept: a when the default was switched, n where a backslash escapes nothing, q where it escapes nothing between double quotes. */
const KEEP_MODE = [
  `/^${SQL_MODE}\\(\\n\\|$\\)/{`,
  'x',
  's/[nq]//g',
  'x',
  '/^[^\\n]*NO_BACKSLASH_ESCAPES/{',
  'x',
  's/^/n/',
  'x',
  '}',
  '/^[^\\n]*ANSI_QUOTES/{',
  'x',
  's/^/q/',
  'x',
  '}',
  '}',
];
/** Reads on to the quote that ends a string; `plain`: under these letters a backslash is a letter. */
const readString = (state: string, quote: string, plain: string) => [
  `:${state}`,
  `s/^[^${quote}\\\\\\n]\\{1,\\}//`,
  `/^${quote}/{`,
  's/^.//',
  'b code',
  '}',
  '/^\\\\/{',
  'x',
  `/${plain}/{`,
  'x',
  's/^.//',
  `b ${state}`,
  '}',
  'x',
  's/^\\\\[^\\n]\\{0,1\\}//',
  `b ${state}`,
  '}',
  ...readOn(state),
];

const PROGRAM = [
  // Everything else, above all the rows, passes here.
  '/^\\(ALTER DATABASE \\|\\/\\*!50003 SET \\(@saved_cs_client  \\|sql_mode  \\)\\)/!b',
  ':look',
  '/^ALTER DATABASE /b switch',
  `/^${SAVE_FIRST}\\(\\n\\|$\\)/b settings`,
  ...KEEP_MODE,
  ':next',
  '/\\n/!b',
  'P',
  's/^[^\\n]*\\n//',
  'b look',
  // The default is switched.
  ...readSwitch('switch', 'next'),
  ':ahead',
  `/^${SWITCH}\\(\\n[^\\n]*\\)\\{6\\}/!{`,
  'N',
  'b ahead',
  '}',
  `/^${SWITCH}\\n${SETTINGS}\\(\\n\\|$\\)/!b next`,
  DROP_NAME,
  'P',
  's/^[^\\n]*\\n//',
  'x',
  's/^a*/a/',
  'x',
  'b head',
  ':settings',
  '/^[^\\n]*\\(\\n[^\\n]*\\)\\{5\\}/!{',
  'N',
  'b settings',
  '}',
  `/^${SETTINGS}\\(\\n\\|$\\)/!b next`,
  'x',
  's/a//',
  'x',
  // Up to the text of the program.
  ':head',
  `/^DELIMITER ;;${EOL}/b open`,
  '/^\\/\\*!50106 /b body',
  '/^\\/\\*!500/!b look',
  ...KEEP_MODE,
  ...goOn('passed'),
  'b head',
  ':open',
  ...goOn('opened'),
  ':body',
  'P',
  ':code',
  's/^[^\'"`#;/\\\\\\n-]\\{1,\\}//',
  '/^;;/b closed',
  "/^'/{",
  's/^.//',
  'b single',
  '}',
  '/^"/{',
  's/^.//',
  'b double',
  '}',
  '/^`/{',
  's/^.//',
  'b quoted',
  '}',
  '/^\\(#\\|--\\([[:space:]]\\|$\\)\\)/s/^[^\\n]*//',
  '/^\\/\\*\\(!\\|M!\\)/!{',
  '/^\\/\\*/{',
  's/^..//',
  'b comment',
  '}',
  '}',
  '/^[^\\n]/{',
  's/^.//',
  'b code',
  '}',
  ...readOn('code'),
  ...readString('single', "'", 'n'),
  ...readString('double', '"', '[nq]'),
  ':quoted',
  's/^[^`\\n]\\{1,\\}//',
  '/^`/{',
  's/^.//',
  'b code',
  '}',
  ...readOn('quoted'),
  ':comment',
  's/^[^*\\n]\\{1,\\}//',
  '/^\\*\\//{',
  's/^..//',
  'b code',
  '}',
  '/^\\*/{',
  's/^.//',
  'b comment',
  '}',
  ...readOn('comment'),
  // The text is over; its last line is printed.
  ':closed',
  '/\\n/!{',
  '$d',
  'N',
  '}',
  's/^[^\\n]*\\n//',
  ':tail',
  `/^${RESTORED_LAST}\\(\\n\\|$\\)/b restored`,
  `/^\\(DELIMITER ;${EOL}\\|\\/\\*!500\\)/!b look`,
  ...goOn('followed'),
  'b tail',
  ':restored',
  ...goOn('after'),
  'x',
  '/a/!{',
  'x',
  'b look',
  '}',
  's/a//',
  'x',
  // The default is switched back.
  ...readSwitch('back', 'look'),
  DROP_NAME,
  'b next',
  '',
];

/** For GNU sed and bytes (`LC_ALL=C`). */
export const RENAMING: string = PROGRAM.join('\n');
