/**
 * What each side may ask of the other, in prose. The frames are in `messages.ts`, the events in `events.ts`.
 *
 * ## Life of a connection
 *
 * The agent dials `/ws/agent` with `Authorization: Bearer <token>`; a wrong token is answered with HTTP 401 before any upgrade, and
 * a request that carries an `Origin` with 403, because no browser belongs there. The server sends `challenge`. The agent answers `hello` with
 * its proof: an Ed25519 signature over the nonce, its counter and its boot. The counter only rises; one that does not is
 * the mark of a clone: the host is quarantined, and the connection that is open ends as well. An agent of a quarantined host is
 * heard to its hello, so that a person can tell the agents apart, and sent away; the one that a person chose is given a new
 * token in answer to its hello and told to dial again. The server answers `welcome`
 * with the last event it has applied, or `goodbye` with the reason and whether dialling again can help; after `goodbye`
 * nothing the agent says counts, and a line that is not closed within a second is cut.
 * After `welcome` either side may send at any time. A newer connection of a host replaces the older one.
 *
 * ## Signs of life
 *
 * WebSocket pings from the server every 20 s; either side looks every second and hangs up after 44 s of silence. Losing the line never cancels a run.
 * The agent dials again with full jitter, from one second to sixty.
 */
import type { AgentFrames, RequestBody, RequestResult, RequestType } from './messages.ts';

/**
 * Answers one request. `id` is the frame's id, which names an order for exactly-once. What it throws becomes the typed error of the
 * answer.
 */
export type Answer<T extends RequestType> = (body: RequestBody<T>, id: string) => Promise<RequestResult<T>> | RequestResult<T>;

interface AskedOfAgents {
  /**
   * The whole desired state. Sent after `welcome` when the agent's version differs, and after each change.
   * The agent checks the server's signature against the key it pinned, refuses an older version (`conflict`), stores it before
   * it answers, and works by it from the next tick on. Repeating it is harmless. Not retried on the same socket: the next
   * connection compares versions anyway.
   */
  'spec.put': Answer<'spec.put'>;

  /**
   * The secrets of a host that keeps none (`secretsMode: just_in_time`), whole, each sealed and bound as in a spec. Sent after the spec on each
   * connection and after each change of it, only to an agent that named the capability `secrets.put` in its facts. The agent holds them in
   * memory, never on disk, and forgets them when the line is lost for longer than a minute and no run uses them. Repeating it is harmless.
   * Errors: `precondition` where the host's spec keeps secrets, `conflict` for a set older than its spec, `integrity` for a set that the
   * pinned server did not sign; what was held before stays held.
   */
  'secrets.put': Answer<'secrets.put'>;

  /**
   * Starts a backup of a plan by hand. The server made the run's id and stores the order before it sends it; it sends the same frame again
   * on each connection until it is answered or `notAfter` has passed. The agent journals the order with its answer and gives the
   * same answer to a repeat, so that one order is at most one run. Errors: `cancelled` with reason `expired` after `notAfter`,
   * `not_found` for a plan it does not have, `limit` when its queue is full.
   */
  'run.start': Answer<'run.start'>;

  /**
   * Restores one snapshot: a database, or files in one of four ways. Ways that choose from a snapshot are ordered only from an agent that
   * named the capability `restore.preview`; in place with a safety backup only from one that named `unlock.start`. Ordered, repeated and answered like `run.start`. A host that keeps no secrets
   * journals the order without those in it: a restore that waited as its agent ended fails and is started again by a person. `recorded` is held
   * against what came back; an agent that does not know it, or `acceptLittleRoom` or `keepPrivileges` among the options, passes it over; an older one keeps setuid bits and devices in any case.
   */
  'restore.start': Answer<'restore.start'>;

  /**
   * Removes what a plan's retention does not keep, now, instead of after its next clean run. The host decides by its own ledger and the
   * policy of its spec; `isApproved` only lifts the question whether more than half may go in one step, never a guard. Ordered, repeated
   * and answered like `run.start`; sent only to an agent that named the capability `forget.start`, and with `admin` only to one that named
   * `prune.start`. Errors: as `run.start`, and `precondition` for a plan without a policy, or while such a run of the plan waits or runs.
   */
  'forget.start': Answer<'forget.start'>;

  /**
   * Looks for damage in a repository: its structure, and as much of its data as `scope` says. Ordered, repeated and answered like
   * `run.start`; sent only to an agent that named the capability `check.start`. Damage ends the run as failed, `repository_damaged`. Errors: as
   * `run.start`, and `precondition` while a check of the repository waits or runs on this host.
   */
  'check.start': Answer<'check.start'>;

  /**
   * Removes the data that no snapshot of a repository needs any more, up to `maxUnusedPercent` of what is used. With `isAdmin` the secrets are the
   * admin credential: the agent holds them in memory, and a run that still waited as its agent ended fails. Ordered, repeated and answered
   * like `run.start`; sent only to an agent that named the capability `prune.start`. Errors: as `run.start`, and `precondition` while a prune
   * of the repository waits or runs on this host.
   */
  'prune.start': Answer<'prune.start'>;

  /**
   * Takes the named locks of a repository away, or none of them where another one has come up. It waits for no slot, since others may wait for
   * it. Ordered, repeated and answered like `run.start`; sent only to an agent that named the capability `unlock.start`. Errors: as
   * `run.start`, and `precondition` while an unlocking of the repository waits or runs on this host.
   */
  'unlock.start': Answer<'unlock.start'>;

  /**
   * Restores one snapshot of a plan into something private that is thrown away afterwards, and judges what came back: a database in a
   * server of its own without network, a sample of files in a directory. The live source is never written, and its databases are not even
   * asked. SQL of the order is run by the throw-away server alone, by an account that may only read. Ordered, repeated and answered like
   * `run.start`; sent only to an agent that named the capability `drill.start`. Errors: as `run.start`, and `unsupported` for a source whose
   * kind cannot be tried out.
   */
  'drill.start': Answer<'drill.start'>;

  /**
   * Reads snapshots to their end on the host, so that restic decrypts and authenticates every byte, and tells of each how it went. The bytes go
   * nowhere. Ordered, repeated and answered like `run.start`; sent only to an agent that named the capability `verify.start`.
   */
  'verify.start': Answer<'verify.start'>;

  /**
   * Removes snapshots that a person named from their repository. Pinned ones stay, whatever the order says. With `isAdmin` as with a prune.
   * Ordered, repeated and answered like `run.start`; sent only to an agent that named the capability `delete_snapshot.start`.
   */
  'delete_snapshot.start': Answer<'delete_snapshot.start'>;

  /**
   * Copies snapshots to a second repository and reads each of them back there; what lies there already is not copied twice. Ordered, repeated
   * and answered like `run.start`; sent only to an agent that named the capability `copy.start`. Errors: as `run.start`, and `unsupported` for
   * two repositories that no single process can reach.
   */
  'copy.start': Answer<'copy.start'>;

  /**
   * Removes what the server planned of a plan's snapshots in a repository that this host keeps up; the plan may be other hosts', and in no spec
   * here. Nothing goes unless each named snapshot that is there has the tags of the order, and all that have to stay are there: else the run
   * fails, `retention_changed`. What is held goes into the log, and ends a run that has nothing to remove as skipped. The secrets are the admin
   * credential, held in memory alone. Ordered, repeated and answered like `run.start`; sent only to an agent that named the capability
   * `retention.start`.
   */
  'retention.start': Answer<'retention.start'>;

  /**
   * Cancels a run: out of the queue at once, or SIGINT to its process groups, SIGKILL after the grace, then a check that
   * nothing is left. The answer says only that the order was taken (`known: false` for a run that is not here any more);
   * the run's end arrives as `run.finished`. Ordered and repeated like `run.start`.
   */
  'run.cancel': Answer<'run.cancel'>;

  /** Connects to a source and says what the tool said. Asked by a person who waits; never repeated by itself. */
  'source.test': Answer<'source.test'>;

  /** Lists the databases of a server connection. Never repeated by itself. */
  'source.discover': Answer<'source.discover'>;

  /**
   * Which directories are big, where people keep what matters. Counts for half a minute at most. Asked by the server once a day, of agents
   * that named it as a capability; never repeated by itself.
   */
  'directories.look': Answer<'directories.look'>;

  /** Opens a repository from this host, read-only and without a lock. `missing` is an answer, not an error. */
  'repository.test': Answer<'repository.test'>;

  /**
   * How big a repository is. Reads it without a lock, which takes minutes where it is large. Sent only to an agent that named it as a
   * capability; so are orders to check, to prune and to remove snapshots that no person gave. Errors: those of the repository.
   */
  'repository.measure': Answer<'repository.measure'>;

  /**
   * All snapshots in a repository, whoever made them, newest first, a part at a time. Opens it without a lock. The agent keeps the list for the
   * next part in memory; nobody stores it. Sent only to an agent that named it as a capability. Errors: those of the repository.
   */
  'repository.contents': Answer<'repository.contents'>;

  /**
   * One directory at or below those that the host's own configuration offers for restores (`dumpDirs` in its facts), with what each file is by its first
   * bytes. Links are never followed. Asked by a person who waits; never repeated by itself; sent only to an agent that named it as a
   * capability, and an order of `restore.start` whose target has a `from` is given only to such an agent too. Errors: `forbidden` for what
   * lies elsewhere, `not_found` where there is no such directory.
   */
  'dump_files.list': Answer<'dump_files.list'>;

  /** Creates a repository where there is none (`conflict` where there is one). Only ever on a person's order. */
  'repository.init': Answer<'repository.init'>;

  /**
   * The locks in a repository, as those who took them wrote them. Opens it without a lock of its own. Never repeated by itself; sent, like the
   * two below, only to an agent that named it as a capability. Errors: those of the repository.
   */
  'locks.list': Answer<'locks.list'>;

  /** What this host knows of the processes that took these locks. Looks at its own processes only, never at the repository. */
  'locks.attest': Answer<'locks.attest'>;

  /**
   * Removes the named locks because a person said so, or because the hosts that took them attested that their holders are gone. `ids` are all
   * that were seen; when another one lies there by then, nothing is removed (`conflict`). Repeating it is harmless.
   */
  'locks.clear': Answer<'locks.clear'>;

  /**
   * One directory of a snapshot, a page at a time, directories first. The host opens the repository read-only and without a lock, and keeps
   * what it read in memory for a while, so that the next page costs nothing; nobody stores it. Asked by a person who waits; never repeated by
   * itself; sent, like the three below, only to an agent that named it as a capability. Errors: `not_found` when the snapshot has no such
   * directory, those of the repository, `unavailable` when it took too long.
   */
  'snapshot.list': Answer<'snapshot.list'>;

  /** Files and directories of a snapshot by a part of their name, whatever its case; `*` and `?` stand for any letters and for any one. */
  'snapshot.find': Answer<'snapshot.find'>;

  /** What differs between two snapshots: content and kinds of files, not their times and owners. */
  'snapshot.diff': Answer<'snapshot.diff'>;

  /** What a restore of files would write, and what stands in its place on this host. Looks only. */
  'restore.preview': Answer<'restore.preview'>;

  /**
   * What a restore of a database would find at its target: tables, size, sessions, room. Looks only; sent only to an agent that named it as
   * a capability, and an order of `restore.start` with a mode or options is given only to such an agent too. Errors: those of a connection.
   */
  'restore.look': Answer<'restore.look'>;

  /**
   * Which stored roles are missing on the server of a connection, and whether its user may make them. Looks only; sent only to an agent that
   * named it as a capability, and an order of `restore.start` with jobs or roles is given only to such an agent too.
   */
  'restore.roles': Answer<'restore.roles'>;

  /**
   * Hands over a new token. The agent stores it beside the old one and uses it from the next connection on; the server
   * drops the old one when the new one was first used. Cut anywhere, one of the two works.
   */
  'token.rotate': Answer<'token.rotate'>;
}

// A request without a contract above fails to compile here, and a contract without a request below.
type DemandAllAsked<Contracts extends { [T in RequestType]: Answer<T> }> = Contracts;
/** What a server asks of an agent, each with its contract. Every request is answered by `reply` or `error` with `re` set to its id. */
export type AgentPeer = { [T in keyof DemandAllAsked<AskedOfAgents>]: Answer<T> };

/**
 * Hears one frame that was told: `id` is the frame's, `at` when it was sent by the host's clock, `arrivedAt` by the server's, both in epoch
 * milliseconds. What it throws is answered where the contract says so, and else ends the connection.
 */
export type Hear<T extends ToldType> = (
  body: AgentFrames[T],
  frame: { id: string; at: number; arrivedAt: number },
) => Promise<void> | void;

/** Frames of an agent that are neither its greeting nor an answer. */
export type ToldType = Exclude<keyof AgentFrames, 'hello' | 'reply' | 'error'>;

interface ToldToServers {
  /**
   * Durable events, in order, at most eight frames in flight. The server applies those it does not have in one
   * transaction with their sequence number, and only then acknowledges cumulatively. A gap is answered with `conflict` and the number it expects;
   * the agent then sends from there. Sent again on every connection until acknowledged, and once more, as a new epoch, to a
   * server that lost what it had acknowledged: whatever an event does must be harmless a second time.
   */
  events: Hear<'events'>;

  /** How far a run is: at most one frame a second and run, dropped when the line is slow. Never stored. */
  progress: Hear<'progress'>;

  /** Load and queue of the agent, every 20 s. Never stored but the last. */
  heartbeat: Hear<'heartbeat'>;

  /** Tools or facts changed since `hello`. Repeating it is harmless. */
  inventory: Hear<'inventory'>;

  /**
   * How looks of the host at its sources went: what is new at once, and what stays as it is every 15 minutes, so that a word that is lost is told
   * again. What is said of another host's sources is ignored.
   */
  'sources.seen': Hear<'sources.seen'>;

  /** What the host saw of the places of its repositories: room and certificates. Told and taken like looks at sources. */
  'repositories.seen': Hear<'repositories.seen'>;
}

type DemandAllTold<Contracts extends { [T in ToldType]: Hear<T> }> = Contracts;
/** What an agent tells a server, each kind of frame with its contract. None of it is answered except `events`, by `ack`. */
export type ServerPeer = { [T in keyof DemandAllTold<ToldToServers>]: Hear<T> };
