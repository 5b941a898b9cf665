/** What a new password must be. No rule about kinds of characters: length and not being guessable are what counts. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';

/** Long passwords that head the published lists, in lower-case letters and digits only. */
const COMMON: ReadonlySet<string> = new Set(
  `
  1234567890ab 123456789abc 1234567890qwe 123456789012 1234567891011 123123123123 123321123321 112233445566 111222333444
  1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv q1w2e3r4t5y6 zaq12wsxcde3 qazwsxedcrfv qwertyuiop12 qwertyuiop123
  qwerty123456 qwertyqwerty 123456qwerty qwertyuiopas qwertyuiopasdfghjkl asdfghjkl123 asdfghjklzxc asdfghjklqwe zxcvbnm12345
  zxcvbnmasdfghjkl qwertyasdfgh abcdefghijkl abcdefghijklm abcdefg12345 abcd1234abcd abcdef123456 abc123abc123 a1b2c3d4e5f6
  a1s2d3f4g5h6 aa1234567890 passwordpassword password1234 password12345 password123456 passw0rd1234 passw0rdpassw0rd
  mypassword123 mypassword12 thisismypassword thisisapassword newpassword1 newpassword123 yourpassword changepassword
  changemenow1 changemechangeme changemeplease pleasechangeme defaultpassword temppassword temporarypassword supersecret
  supersecret1 supersecret123 topsecret123 letmein12345 letmeinletmein letmeinplease welcome12345 welcome123456 welcomehome1
  administrator administrator1 adminadmin12 adminadminadmin admin1234567 admin123456789 adminpassword rootpassword rootrootroot
  testpassword testtesttest test12345678 guestguestguest operator1234 backupbackup backuppassword backup123456 holdfast1234
  holdfastholdfast holdfastpassword holdfastadmin iloveyou1234 iloveyouforever iloveyousomuch iloveyoubaby ilovemyfamily
  sunshine1234 princess1234 football1234 baseball1234 basketball12 liverpoolfc1 manchesterunited chelseafc123 arsenal12345
  superman1234 batman123456 spiderman123 pokemon12345 starwars1234 dragonball12 dragonballz1 michaeljordan metallica123
  harrypotter1 chocolate123 computer1234 internet1234 monkey123456 dragon123456 master123456 killer123456 shadow123456
  jesuschrist1 godisgood123 jesuslovesme trustno1trustno1 correcthorsebatterystaple
  `
    .trim()
    .split(/\s+/),
);

const MIN_DIFFERENT_CHARS = 5;

/**
 * Throws `invalid`, saying which rule is broken, for a password that is too short or too long, well known, made of a
 * repeated or running sequence, or the user's own name. The message never contains the password.
 */
export function checkPasswordRules(password: string, user: { name: string }): void {
  const normal = password.normalize('NFKC');
  const chars = [...normal];
  if (chars.length < HTTP.passwordMinChars) refuse(`must have at least ${HTTP.passwordMinChars} characters`);
  if (Buffer.byteLength(normal) > HTTP.passwordMaxBytes) refuse(`must have at most ${HTTP.passwordMaxBytes} bytes`);
  const folded = normal.toLowerCase();
  const plain = folded.replace(/[^a-z0-9]/g, '');
  if (COMMON.has(folded) || COMMON.has(plain) || COMMON.has(plain.replace(/[0-9]{1,4}$/, ''))) {
    refuse('is one of the passwords everybody tries first');
  }
  if (new Set(chars).size < MIN_DIFFERENT_CHARS) refuse(`must have at least ${MIN_DIFFERENT_CHARS} different characters`);
  if (isRepetition(folded) || isRun(chars)) refuse('must not be a repeated or running sequence');
  const name = user.name.normalize('NFKC').toLowerCase();
  if (name !== '' && (folded === name || folded.replaceAll(name, '') === '')) refuse('must not be the user name');
}

function refuse(rule: string): never {
  throw new AppError('invalid', `the password ${rule}`, { details: { field: 'password' } });
}

/** The same part, at most a third of the whole, again and again. */
function isRepetition(text: string): boolean {
  for (let size = 1; size * 3 <= text.length; size += 1) {
    if (
      text
        .slice(0, size)
        .repeat(Math.ceil(text.length / size))
        .slice(0, text.length) === text
    )
      return true;
  }
  return false;
}

/** Every character follows the one before it, up or down, as in `abcdefghijkl`. */
function isRun(chars: readonly string[]): boolean {
  const codes = chars.map((char) => char.codePointAt(0) ?? 0);
  const steps = new Set(codes.slice(1).map((code, index) => code - (codes[index] ?? 0)));
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}
