/**
 * What must stand before anything is served: the store, the keys, the identity, and the context every use case is given.
 * Part of the composition root; one-shot commands stand on it too.
 */
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, type RandomBytes, systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { type Crypto, createCrypto, type SigningKeys } from '@holdfast/shared/crypto/crypto.ts';
import { createId, DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ConfigError } from './config.ts';
import { createBus } from './core/bus.ts';
import { createFleetKeeper } from './core/fleet/keeper.ts';
import type { CoreContext, Directory, FieldCipher, Log } from './core/ports.ts';
import { checkCron, describeCron, listNextFires } from './fires/fires.ts';
import { readServerEpoch, setAsideForeignLog, settleServerEpoch } from './store/sqlite/file/start-mark.ts';
import { openSqliteStore } from './store/sqlite/open.ts';
import type { Store } from './store/store.ts';
import { createFieldCipher, createKeyring } from './vault/keyring.ts';
import { loadMasterKey, type MasterKey } from './vault/master-key.ts';
import { createPasswords } from './vault/passwords.ts';
import { createRecoverySealer } from './vault/recovery-sealer.ts';
import { createServerIdentity, openServerIdentity, serverIdentityRecordSchema } from './vault/server-identity.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export interface FoundationOptions {
  dataDir: string;
  masterKey?: string | undefined;
  masterKeyFile?: string | undefined;
  baseUrl: string;
  /** Bytes of log a host may fill on one UTC day; the store's own limit unless given. */
  hostDayLogBytes?: number | undefined;
  /** The reserve for a full disk; the store's own size unless given. */
  ballastBytes?: number | undefined;
  log: Log;
  /** `beside`: a one-shot command next to a server that may be running. */
  access: 'alone' | 'beside';
  createDirectory(createRequestId: () => string): Directory;
  clock?: Clock | undefined;
  randomBytes?: RandomBytes | undefined;
}

/** Names of the installation's own values in the store. */
const SETTINGS = {
  masterCheck: 'vault.master_check',
  identity: 'vault.server_identity',
  dataKey: (tenant: string) => `vault.data_key.${tenant}`,
} as const;

/** Makes the data directory; `ConfigError` where there can be none or it cannot be used. */
async function claimDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // A file answers this with ENOTDIR.
    await access(join(dataDir, '.'), constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError('HOLDFAST_DATA_DIR', `${dataDir} cannot be made or used as a directory (${code ?? 'unknown error'})`);
  }
}

/** The variable that says where the master key is. */
function nameKeyVariable({ masterKey, masterKeyFile }: FoundationOptions): string {
  if (masterKeyFile !== undefined) return 'HOLDFAST_MASTER_KEY_FILE';
  return masterKey === undefined ? 'HOLDFAST_DATA_DIR' : 'HOLDFAST_MASTER_KEY';
}

async function openMasterKey(crypto: Crypto, store: Store, options: FoundationOptions): Promise<MasterKey> {
  const checkValue = await store.settings.findSetting(SETTINGS.masterCheck);
  const request = {
    value: options.masterKey,
    file: options.masterKeyFile,
    dataDir: options.dataDir,
    // The identity is encrypted from the first start on, so a key that is gone after it is a lost one.
    hasEncryptedRows: checkValue !== undefined || (await store.settings.hasEncryptedRows()),
    checkValue,
  };
  const master = await loadMasterKey(crypto, request).catch((error: unknown) => {
    const isWrong = error instanceof AppError && (error.code === 'invalid' || error.code === 'precondition');
    throw isWrong ? new ConfigError(nameKeyVariable(options), error.message) : error;
  });
  await store.settings.initSetting(SETTINGS.masterCheck, master.checkValue);
  for (const warning of master.warnings) options.log.warn({}, warning);
  if (master.created) {
    options.log.warn(
      { path: master.path },
      'a master key was made; keep a copy of it apart from the database: without it no stored secret can be read',
    );
  }
  return master;
}

async function openIdentity(crypto: Crypto, store: Store, master: MasterKey): Promise<SigningKeys> {
  const fresh = createServerIdentity(crypto, master);
  const stored = await store.settings.initSetting(SETTINGS.identity, JSON.stringify(fresh.record));
  return openServerIdentity(crypto, master, serverIdentityRecordSchema.parse(JSON.parse(stored)));
}

async function openCipher(crypto: Crypto, store: Store, master: MasterKey): Promise<FieldCipher> {
  const keyring = createKeyring(crypto, master);
  const wrapped = await store.settings.initSetting(
    SETTINGS.dataKey(DEFAULT_TENANT),
    keyring.wrapNewDataKey(DEFAULT_TENANT).wrapped,
  );
  return createFieldCipher(crypto, keyring.openDataKey(DEFAULT_TENANT, wrapped));
}

/** Rises when the database is not the one that ran last; hosts then send again what they still keep. */
async function openServerEpoch(crypto: Crypto, store: Store, path: string, { access, log }: FoundationOptions): Promise<number> {
  if (access === 'beside') return readServerEpoch(store.settings);
  const start = crypto.toBase64Url(crypto.randomBytes(16));
  const { epoch, isReplaced, fault } = await settleServerEpoch({ path, settings: store.settings, start });
  if (isReplaced)
    log.warn(
      { area: 'database', serverEpoch: epoch },
      'this database is not the one that ran here last; every host is asked to send again what it reported in the last 7 days',
    );
  if (fault !== undefined)
    log.warn({ area: 'database', err: fault }, 'the mark beside the database could not be written; free space on its disk');
  return epoch;
}

/** Where the database of an installation lies. */
export const findDatabase = (dataDir: string): string => join(dataDir, 'holdfast.db');

/** Opens everything; the caller closes `context.store`. Failures are AppErrors or ConfigErrors of one clear line. */
export async function openFoundation(options: FoundationOptions): Promise<CoreContext> {
  const clock = options.clock ?? systemClock;
  const randomBytes = options.randomBytes ?? systemRandomBytes;
  await claimDataDir(options.dataDir);
  const crypto = createCrypto(randomBytes);
  const path = findDatabase(options.dataDir);
  const aside = options.access === 'alone' ? setAsideForeignLog(path) : undefined;
  if (aside !== undefined)
    options.log.warn(
      { area: 'database', path: aside },
      'the database was exchanged beside the unfinished log of another one, which was moved away',
    );
  const store = await openSqliteStore({
    path,
    migrationsDir: MIGRATIONS,
    clock,
    access: options.access,
    hostDayLogBytes: options.hostDayLogBytes,
    ...(options.ballastBytes === undefined ? {} : { ballastBytes: options.ballastBytes }),
    onOddity: (text) => options.log.warn({ area: 'database' }, text),
    onDamage: (text) => options.log.error({ area: 'database' }, text),
  });
  try {
    if (options.access === 'alone') store.prepare();
    const master = await openMasterKey(crypto, store, options);
    const makeId: CoreContext['createId'] = (kind) => createId(kind, { clock, randomBytes });
    const directory = options.createDirectory(() => makeId('request'));
    return {
      store,
      clock,
      crypto,
      cipher: await openCipher(crypto, store, master),
      passwords: createPasswords(randomBytes),
      recovery: createRecoverySealer(crypto, master),
      identity: await openIdentity(crypto, store, master),
      bus: createBus(),
      directory,
      fleet: createFleetKeeper({ store, clock, directory, listFires: listNextFires }),
      log: options.log,
      createId: makeId,
      findScheduleFault({ cron, zone }) {
        const check = checkCron(cron, zone, clock.now());
        return check.ok ? undefined : check.message;
      },
      listFires: listNextFires,
      describeSchedule: describeCron,
      baseUrl: options.baseUrl,
      serverEpoch: await openServerEpoch(crypto, store, path, options),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
