/**
 * Every queue, frame, list and wait of the product has its limit here, by name and unit.
 * Code takes limits as arguments where a test wants to sit at the edge; these are the values it is given.
 * Longer than 500 lines because whoever looks for a limit finds it here, beside those it has to agree with.
 */
import { DAY_MS as DAY, HOUR_MS as HOUR, MINUTE_MS as MINUTE, SECOND_MS as SECOND } from './durations.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The wire between server and agent. */
export const WIRE = {
  /** Largest frame in bytes of UTF-8; ws closes with 1009 above it. */
  frameBytes: 256 * KIB,
  /**
   * A host's whole spec is one frame: about 250 sources with secrets of usual length. What a frame has besides the
   * document (ids, signature, version).
   */
  specFrameExtraBytes: 1 * KIB,
  /** A hello that names a higher spec version than the server's is believed up to here, so that no host can run numbers out. */
  specVersionMax: 2 ** 40,
  /** Deepest nesting of JSON in a frame. */
  frameDepth: 16,
  /** Fragments one frame may come in; ws closes with 1008 above it. */
  fragmentsPerFrame: 128,
  /** The server pings this often; an agent hearing nothing for `silenceMs` hangs up. */
  pingIntervalMs: 20 * SECOND,
  /** Without a pong for this long the socket is dead (two missed pings and a grace). */
  silenceMs: 44 * SECOND,
  /** How often a socket is looked at for silence and for requests past their deadline: a dead one is noticed within `silenceMs` and this. */
  watchIntervalMs: 1 * SECOND,
  /** Without a sign of life for this long the host is shown offline. */
  offlineAfterMs: 90 * SECOND,
  /** A host's clock further from the server's than this is worth a warning, and than this an alarm. */
  skewWarnMs: 5 * SECOND,
  skewAlertMs: 60 * SECOND,
  /** Agents that were seen to use a quarantined identity: named for each host, and remembered in all. */
  claimantsPerHost: 8,
  claimants: 1000,
  handshakeTimeoutMs: 10 * SECOND,
  /** A host that was told goodbye has this long to close; then the line is cut. */
  goodbyeGraceMs: 1 * SECOND,
  requestTimeoutMs: 60 * SECOND,
  /** Requests waiting for a reply on one socket. */
  pendingRequests: 64,
  /** Places among them that questions leave to orders and to the spec with its secrets; and orders on their way at once. */
  keptRequests: 20,
  ordersOnTheirWay: 16,
  /** Durable events in one `events` frame, and frames sent but not acknowledged. */
  eventsPerFrame: 200,
  eventBytesPerFrame: 192 * KIB,
  unacknowledgedFrames: 8,
  reconnectMinMs: 1 * SECOND,
  reconnectMaxMs: 60 * SECOND,
  /** A socket whose send buffer is above this gets no volatile frames. */
  slowSocketBytes: 512 * KIB,
  /** Token bucket per agent on the server: frames and bytes a second, with twice as much burst. */
  framesPerSecond: 200,
  bytesPerSecond: 1 * MIB,
  /** Frames read from one socket and not yet handled; from here on the server does not read it until half of them are. */
  waitingFrames: 32,
} as const;

/** Enrolment by announcement and token. */
export const ENROLMENT = {
  announcementsPerMinutePerAddress: 10,
  pendingAnnouncements: 100,
  announcementLifeMs: 1 * HOUR,
  pollIntervalMs: 2 * SECOND,
  tokenLifeMs: 1 * HOUR,
  tokenMaxUses: 1000,
  /** Paths of the first source that a token brings. */
  firstPaths: 200,
  hostnameChars: 253,
  /** A host token older than this is rotated at the next connection. */
  hostTokenRotateAfterMs: 30 * DAY,
} as const;

/** Text that people and tools hand in. */
export const TEXT = {
  nameChars: 120,
  pathChars: 4096,
  fieldChars: 16 * KIB,
  tagChars: 64,
  tags: 32,
  /** One log line in bytes; what is longer is cut with a marker. */
  logLineBytes: 16 * KIB,
  errorChars: 4000,
  searchChars: 200,
} as const;

/** What a search of runs or snapshots follows of each kind: things by a part of their name, ids by how they begin. */
export const SEARCH = { names: 50, ids: 50, errorChars: 3 } as const;

/** Logs of a run. */
export const LOG = {
  linesPerBatch: 100,
  batchBytes: 64 * KIB,
  /** A batch leaves after this long even when it is small. */
  batchDelayMs: 100,
  runBytes: 5 * MIB,
  /** What the logs of one host take in the store on one UTC day of the server. */
  hostDayBytes: 200 * MIB,
  /** Above its limit the log of a run, and those of a host on a day, still take lines of level `error`: this much. */
  runReserveBytes: 512 * KIB,
  hostDayReserveBytes: 25 * MIB,
  /** Of what is above a limit the last lines are kept when the run does not end well: so many, and so much. */
  tailLines: 200,
  tailBytes: 128 * KIB,
  /** The store keeps a log for so many days after its run was reported, unless the server is told otherwise. */
  keepDays: 90,
  /** Logs that are due are removed in steps of so many pieces, so that none holds the event loop; so many steps a round. */
  removedPiecesPerStep: 16,
  removalSteps: 500,
  /** Logs of up to this size are put together when their runs have ended: blocks of so much, of so many runs, so many a round. */
  blockLogBytes: 16 * KIB,
  blockBytes: 96 * KIB,
  blockRuns: 200,
  blockSteps: 100,
  /** Lines of a run the browser page shows at once. */
  pageLines: 2000,
} as const;

/** Processes on the host. */
export const PROCESS = {
  /** SIGINT, then after this long SIGKILL to the group. */
  cancelGraceMs: 4 * SECOND,
  /** No byte moved anywhere in the pipeline for this long: stopped as stalled. */
  stallMs: 5 * MINUTE,
  /** A one-shot tool (probe, list, test). */
  toolTimeoutMs: 60 * SECOND,
  toolOutputBytes: 32 * MIB,
  /** Standard error kept for the verdict: the first and the last bytes. */
  stderrHeadBytes: 16 * KIB,
  stderrTailBytes: 64 * KIB,
  progressIntervalMs: 1 * SECOND,
} as const;

/** Roles of a database server in restores. */
export const RESTORE_ROLES = {
  /** What `pg_dumpall --globals-only` wrote; beyond that, roles are restored by hand. */
  globalsBytes: 8 * MIB,
  /** Names in one answer to a person who asks; six bytes for each of a name's in a frame still leave half of it. */
  listed: 300,
  namedInText: 20,
} as const;

/** Runs on a host. */
export const RUNS = {
  perHost: 3,
  /** Restores that one tenant may start within a minute. */
  restoresPerMinute: 60,
  /** The most a person may allow, for a host or for a repository. */
  atOnceMax: 32,
  queued: 200,
  partsPerRun: 500,
  /** Snapshots that one order names. */
  snapshotsPerOrder: 100,
  /** Snapshots of roles that are looked for beside the data of one part; each try of it may leave one. */
  globalsPerPart: 10,
  /** Copies of a snapshot that its page names. */
  copiesShown: 20,
  /** Runs of which one connection remembers whether they are the host's own. */
  rememberedPerSession: 1000,
  /** Snapshots that people may pin in one plan. */
  pinnedPerPlan: 200,
  /** Snapshots of a plan that are looked at for what its retention would remove next. */
  previewedPerPlan: 30_000,
  /** Snapshots that one event says are gone; a run tells of more in several. */
  removedPerEvent: 200,
  /** Older fires that one run may say it stands for. */
  skippedFires: 1_000_000,
  /** Fires that were missed while a host was away are caught up within this of its return, and within a tenth of their plan's grace. */
  catchUpWindowMs: 10 * MINUTE,
  /** The agent's own tick; croner only computes the next instant. */
  tickMs: 15 * SECOND,
} as const;

/** Retention that is ordered from the host that keeps a repository up. One order is one frame. */
export const RETENTION = {
  /** Snapshots in all; what is left goes with the next order. */
  removedPerOrder: 400,
  sourcesPerOrder: 100,
  /** Snapshots of a source that have to be there for others of it to go, and in all sources of an order. */
  keptNamed: 20,
  keptPerOrder: 400,
  heldChars: 300,
} as const;

/** Checks and prunes of repositories. */
export const MAINTENANCE = {
  /** Parts in which a repository is read; restic's own limit. */
  partsMax: 256,
  /** Damaged or missing things of a repository that a failure names; the log has more of them. */
  namedErrors: 10,
  /** The most days between two times of what is done without being asked. */
  daysMax: 3650,
  windowsMax: 20,
  /** After so long without a use that went well nobody knows whether a repository still works: a week, and a day of grace. */
  quietAfterMs: 8 * 24 * 3_600_000,
  /** So long a repository may be in use before its password was first proven to be kept elsewhere, and so long such a proof counts. */
  passwordUnprovenMs: 7 * 24 * 3_600_000,
  passwordProvenMs: 92 * 24 * 3_600_000,
} as const;

/** The recovery key, and what is sealed to it. */
export const RECOVERY = {
  /** A sealed copy that goes to hosts; a longer one stays on the server. Most have two. */
  copyChars: 16 * KIB,
  /** Sealed while somebody waits for a new key, and in one round; each takes some milliseconds. */
  sealedAtOnce: 200,
  sealedPerRound: 100,
  /** A code to be typed back. */
  codeLifeMs: 30 * MINUTE,
  codeTries: 5,
} as const;

/** Looking into snapshots, and choosing from them. */
export const BROWSE = {
  /** Entries of a directory, things found, changes between two snapshots: in one answer. */
  entriesPerPage: 500,
  found: 500,
  changes: 500,
  /** The part of an answer that names things: one frame with room for the rest. */
  replyBytes: 160 * KIB,
  /** What restic prints of one directory; a bigger one is listed without links and holes. */
  treeBytes: 64 * MIB,
  /** What a search may print before it is ended. */
  foundBytes: 4 * MIB,
  /** Directories that an agent keeps in memory for the next page, by entries in all, and for how long. */
  cachedEntries: 100_000,
  cachedMs: 10 * MINUTE,
  /** A person waits: restic gets this long, and the answer a little longer. */
  toolMs: 40 * SECOND,
  answerMs: 50 * SECOND,
  /** Paths chosen for one restore, and their letters in all: an order and its run are one frame each. */
  chosenPaths: 500,
  chosenChars: 32 * KIB,
  /** Files a preview counts. */
  previewedFiles: 200_000,
  conflicts: 20,
} as const;

/** Scripts that a host's administrator installed. */
export const HOOKS = {
  /** Entries of their directory that are looked at. */
  listed: 200,
  /** Of those that cannot be used, so many are told to the server. */
  unusableTold: 50,
  problemChars: 400,
} as const;

/** Dump files on a host that are restored without a snapshot. */
export const DUMP_FILES = {
  /** Directories that a host's configuration may offer. */
  directories: 16,
  /** Entries in one answer, which also ends at `BROWSE.replyBytes`; a directory with more than the second is listed up to there. */
  entriesPerPage: 200,
  listed: 20_000,
  /** What is read of a file to see what it is, and of it before gunzip: what comes out of that is a thousandfold at most. */
  headBytes: 8 * KIB,
  packedHeadBytes: 4 * KIB,
} as const;

/** What lies in a repository, as a host lists it while a person waits. */
export const CONTENTS = {
  /** A repository with more is listed up to here, newest first. */
  listed: 20_000,
  /** In one answer, which also ends at `BROWSE.replyBytes`. */
  perAnswer: 500,
  /** What is told of one snapshot; the rest is cut off. */
  textChars: 300,
  pathChars: 500,
  tags: 20,
  paths: 5,
  /** How long an agent keeps the list it read last for the next part of it. */
  cachedMs: 2 * MINUTE,
  /** Opening the repository and listing it, and a turn on the host. */
  toolMs: 3 * MINUTE,
  /** Deleted by one order. */
  deleted: 100,
} as const;

/** Locks of a repository. */
export const LOCKS = {
  /** Looked at in one go; a repository with more has a problem that no list explains better. */
  listed: 20,
  /** Nobody asked for it: a look at the locks of each repository. */
  lookEveryMs: 1 * DAY,
  /** Programs that work renew their lock every five minutes; one older than this is stuck. */
  stuckMs: 1 * HOUR,
} as const;

/** Secrets of a host that keeps none. */
export const SECRETS = {
  /** Held this long after the line was lost, and longer only while a run uses them. */
  lingerMs: 1 * MINUTE,
  /** Sets handed over at once: one for each source and repository of a spec. The frame (`WIRE.frameBytes`) most often is the narrower limit. */
  items: 4000,
} as const;

/** A host that takes no new runs for a while. */
export const DRAIN = {
  minutes: 120,
  /** A forgotten drain ends by itself after this long at most. */
  minutesMax: 7 * 24 * 60,
  /** How far a host's clock may be behind the server's for a drain of full length to hold. */
  clockApartMs: 1 * DAY,
} as const;

/** What the agent keeps until the server has it. */
export const OUTBOX = {
  events: 200_000,
  bytes: 64 * MIB,
  /** Log lines of one UTC day that wait for the server; above it the day's further lines are only counted. */
  logBytesPerDay: 16 * MIB,
  /** Acknowledged events stay this long, for a server restored from a copy. */
  keepAcknowledgedMs: 7 * DAY,
} as const;

/** The server's HTTP side. */
export const HTTP = {
  bodyBytes: 1 * MIB,
  pageSize: 50,
  pageSizeMax: 200,
  sseQueueBytes: 512 * KIB,
  sseKeepAliveMs: 15 * SECOND,
  sessionIdleMs: 12 * HOUR,
  sessionMs: 24 * HOUR,
  /** Sessions and keys note their last use at most this often: a page's dozen requests are one write. */
  touchEveryMs: 1 * MINUTE,
  /** Forms that wait until their sender has confirmed who they are: of one session, and for how long. */
  heldFormsPerSession: 5,
  heldFormMs: 15 * MINUTE,
  /** Of all sessions together, in characters of JSON. */
  heldFormChars: 16 * MIB,
  loginsPerMinute: 5,
  /** Many people may sit behind one address; guessing many names from there is slow all the same. */
  loginsPerMinutePerAddress: 30,
  /** Fields of one posted form. */
  formFields: 3000,
  /** Faults named in one answer. */
  issuesShown: 20,
  /** With less room on the data disk the server says that it is not ready. */
  readyFreeBytes: 64 * MIB,
  passwordMinChars: 12,
  passwordMaxBytes: 1024,
  bootstrapLifeMs: 24 * HOUR,
  /** The address by which a person chooses a password: long enough for a weekend. */
  passwordLinkLifeMs: 72 * HOUR,
} as const;

/** Answers kept for calls that came with an Idempotency-Key. */
export const IDEMPOTENCY = {
  keyChars: 200,
  lifeMs: 24 * HOUR,
  keysPerHolder: 10_000,
  /** A longer answer is not kept; nothing that starts something answers at such length. */
  answerChars: 512 * KIB,
} as const;

/** Event streams to browsers. */
export const STREAM = {
  /** Topics of one stream: those of all tabs of a browser, in an address of under 8 KB. */
  topics: 150,
  /** Streams one session or key may hold open: browsers, and tabs of those that cannot share one. */
  perHolder: 24,
  /** A viewer that takes nothing of what waits for it is ended after this long; it may come back. */
  stallMs: 1 * MINUTE,
  /** What a browser waits before it connects again. */
  retryMs: 2 * SECOND,
} as const;

/** What is kept of the live events for viewers that come back. */
export const LIVE = {
  /** A refresh waits this long for others of its topic that come with it. */
  gatherMs: 10,
  /** Refreshes of one topic are this far apart at least; the last one always comes. */
  refreshGapMs: 250,
  /** Events kept, by count and by size. */
  keptEvents: 2000,
  keptBytes: 2 * MIB,
} as const;

/** Alerts and the looks they come from. */
export const ALERTS = {
  /** Sources, plans and hosts looked at in one step, so that none holds the event loop; and steps of a round. */
  sourcesPerStep: 50,
  plansPerStep: 100,
  hostsPerStep: 200,
  stepsPerRound: 50,
  /** Alerts settled at a time. */
  settledPerStep: 20,
  /** Names of what an alert is about that it keeps. */
  namedMembers: 50,
  /** From this many hosts on that get the same trouble at once, it is one alert about the fleet. */
  fleetFrom: 5,
  /** An alert that comes back within this time of being over is the same one; from so many returns on it is kept until it was clear for long. */
  returnMs: 1 * HOUR,
  flapsBorne: 2,
  flapClearMs: 15 * MINUTE,
  snoozeMaxMs: 30 * DAY,
  failuresInARowMax: 10,
  /** Rules for plans, as many for tags and for repositories, maintenance windows, and steps of an escalation. */
  rules: 200,
  windows: 100,
  escalationSteps: 5,
  /** The highest limit of what a repository stores: an exbibyte. */
  storedGibMax: 2 ** 30,
  /** The longest single window, and the longest wait before somebody else is told. */
  windowMaxMs: 31 * DAY,
  /** A copy of the server's database older than this is old; a certificate with less than this left is near its end. */
  copyOldMs: 7 * DAY,
  escalationMinutesMax: 7 * 24 * 60,
  keptMs: 400 * DAY,
} as const;

/** The look for what nobody protects. */
export const COVERAGE = {
  /** A host is looked at this often; one that could not be asked is tried again after a shorter while. */
  everyMs: 1 * DAY,
  againMs: 1 * HOUR,
  /** A host that joined, or has a source more, is looked at after this: whoever sets it up has the time to finish. */
  firstMs: 10 * MINUTE,
  /** Hosts asked in one round of the ticker. */
  hostsPerRound: 5,
  /** Servers asked on one host. */
  serversPerHost: 50,
  /** Directories below this are small. */
  directoryBytes: 1024 * MIB,
  /** Directories told of; entries counted in one of them and in all, and the time for it. */
  directories: 200,
  entriesPerDirectory: 100_000,
  entries: 400_000,
  lookMs: 30 * SECOND,
  /** What the server waits for it. */
  answerMs: 45 * SECOND,
  /** The reason for leaving something unprotected. */
  whyChars: 500,
} as const;

/** How hosts look at the places of their repositories. */
export const REPOSITORY_LOOKS = {
  /** Room on a disk of this host changes quickly, a certificate does not. */
  diskEveryMs: 15 * MINUTE,
  certificateEveryMs: 12 * HOUR,
  /** A look that came to nothing is repeated after this. */
  againMs: 1 * HOUR,
  tickMs: 1 * MINUTE,
  /** What has not answered by then is not known. */
  lookMs: 10 * SECOND,
  /** What was told longer ago says nothing of today. */
  staleMs: 2 * DAY,
  looksPerFrame: 200,
} as const;

/** The regular look of a host at its sources. */
export const SOURCE_HEALTH = {
  /** A source is looked at this often, give or take a tenth; after a failure sooner. */
  everyMs: 5 * MINUTE,
  againMs: 1 * MINUTE,
  /** A source that is new to the agent is looked at within this. */
  firstMs: 1 * MINUTE,
  /** How often the agent sees what is due. */
  tickMs: 10 * SECOND,
  /** What has not answered by then has failed. */
  lookMs: 30 * SECOND,
  /** So many failures in a row are an outage. */
  offlineFrom: 3,
  /** What stays as it is is told this often. */
  tellMs: 15 * MINUTE,
  /** Without a word for so long, nobody knows. */
  staleMs: 45 * MINUTE,
  /** Looks in one frame, and those that the server keeps of a source. */
  looksPerFrame: 100,
  keptLooks: 48,
  textChars: 500,
} as const;

/** How old backups and proofs may be, as operators say it. */
export const OBJECTIVES = {
  /** Rules for plans, and as many for tags. */
  rules: 500,
  minutesMin: 5,
  minutesMax: 366 * 24 * 60,
  daysMax: 3650,
} as const;

/** Messages to channels. */
export const OUTGOING = {
  /** Of one attempt, from the look-up of the name to the end of the answer. */
  timeoutMs: 10 * SECOND,
  /** Of an answer, what is read at most. */
  answerBytes: 4 * KIB,
  /** A message that was not taken is tried again for this long; the waits between grow up to the longest. */
  givenUpAfterMs: 24 * HOUR,
  firstRetryMs: 5 * SECOND,
  longestRetryMs: 30 * MINUTE,
  /** A channel that failed so often in a row is itself an alert. */
  failuresUntilAlert: 3,
  waitingPerChannel: 1000,
  /** The newest messages of a channel, among which those that were not delivered are counted. */
  lookedBack: 500,
  /** Of one channel in one round; a channel is used by one message at a time. */
  perRound: 20,
  /** Lines of the run's log that go with a message, and how much of each. */
  logLines: 20,
  logLineChars: 500,
  namedMembers: 20,
  keptMs: 30 * DAY,
} as const;

/** Objects one tenant may own; far above honest use, below what hurts the store. */
export const COUNTS = {
  hosts: 20_000,
  /** The host's spec has to fit into one frame as well (`WIRE.frameBytes`), which most often is the narrower limit. */
  sourcesPerHost: 2_000,
  repositories: 20_000,
  plans: 50_000,
  retentionPolicies: 500,
  sharedSchedules: 500,
  channels: 100,
  discovered: 2_000,
} as const;

/** Restores into something that is thrown away, to prove that they work. */
export const DRILL = {
  /** Of one source, and the text and expected value of each. */
  assertions: 20,
  sqlChars: 4000,
  valueChars: 200,
  /** One assertion may take this long; the server ends it then. */
  assertionMs: 1 * MINUTE,
  /** A throw-away server that does not answer by then never will. */
  serverStartMs: 2 * MINUTE,
  /** A drill whose plan gives no time limit is ended after this long. */
  minutes: 6 * 60,
  /** Room on the disk: so many times the size of the dump, and this besides. */
  roomFactor: 3,
  spareBytes: 256 * MIB,
  /** Files of a sample, bytes of all of them, and bytes of all their names. */
  sampleFiles: 200,
  sampleBytes: 256 * MIB,
  samplePathBytes: 64 * KIB,
  /** Tables that are counted and compared by name. */
  tables: 100_000,
} as const;

/** What a database held, recorded while it is dumped, for drills to compare with. */
export const RECORD = {
  /** Tables and views that are named; all of them are in one digest. */
  tables: 500,
  /** Schema, dot and name. */
  nameChars: 200,
  /** All names together, in UTF-8. */
  namesBytes: 32 * KIB,
  /** Tables above the first size are estimated, and so is what is left once so much was counted. */
  smallBytes: 64 * MIB,
  smallTotalBytes: 512 * MIB,
  /** The dump begins without a record when the server does not answer by then. */
  beginMs: 10 * SECOND,
  /** Counting beside the dump ends after this long; where every table is to be counted, after the second. */
  smallMs: 30 * SECOND,
  allMs: 60 * MINUTE,
  /** How long a backup whose dump has ended waits for small tables that are still being counted. */
  graceMs: 3 * SECOND,
  /** A table that somebody has locked is not waited for. */
  lockMs: 2 * SECOND,
  outputBytes: 16 * MIB,
  /** Records of a source that its host keeps for restores by hand. */
  keptPerSource: 10,
  /** Canaries of a source of files; a bigger file is none. */
  canaries: 10,
  /** File systems of a tree of files that are looked for again. */
  volumes: 200,
  canaryBytes: 64 * MIB,
} as const;
