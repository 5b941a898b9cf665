/** Looking for secrets where they must not be: in files, in texts, and in what the kernel shows of processes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Secrets by what they are. */
export type Canaries = Readonly<Record<string, string>>;

/** The forms under which a secret might be written. */
function listForms(secret: string): readonly Buffer[] {
  const plain = Buffer.from(secret);
  const texts = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), plain.toString('hex')];
  // In the middle of a longer text base64 begins at any of three phases.
  const shifted = [0, 1, 2].map((phase) => {
    const encoded = Buffer.concat([Buffer.alloc(phase), plain])
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(phase === 0 ? 0 : phase + 1, -1);
  });
  const utf16 = Buffer.from(secret, 'utf16le');
  return [...new Set([...texts, ...shifted])].map((text) => Buffer.from(text)).concat(utf16);
}

export type CanarySearch = {
  /** The names of what is found in it. */
  findIn(content: Buffer | string): readonly string[];
  /** `file: name` for each find in all files below a folder. */
  findInFolder(folder: string, isExempt?: (path: string) => boolean): readonly string[];
};

export function createCanarySearch(canaries: Canaries): CanarySearch {
  const forms = Object.entries(canaries).map(([name, secret]) => {
    if (secret.length < 8) throw new Error(`${name} is too short to be looked for.`);
    return { name, forms: listForms(secret) };
  });
  const findIn = (content: Buffer | string): readonly string[] => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    return forms.filter((entry) => entry.forms.some((form) => bytes.includes(form))).map(({ name }) => name);
  };
  return {
    findIn,
    findInFolder(folder, isExempt = () => false) {
      const paths = readdirSync(folder, { recursive: true }).map(String);
      return paths.flatMap((path) => {
        const full = join(folder, path);
        if (isExempt(path) || !(statSync(full, { throwIfNoEntry: false })?.isFile() ?? false)) return [];
        return findIn(readFileSync(full)).map((name) => `${full}: ${name}`);
      });
    },
  };
}

export type ProcessWatch = {
  /** Ends it; gives each find once, and how many looks it took. */
  stop(): Promise<{ readonly finds: readonly string[]; readonly looks: number; readonly seenTools: ReadonlySet<string> }>;
};

const LOOK_INTERVAL_MS = 10;

/**
 * Looks at the command line and the environment of every process of the machine, again and again. `isExempt` is asked for a
 * find: which program, where, which secret.
 */
export function watchProcesses(
  search: CanarySearch,
  isExempt: (find: { readonly program: string; readonly place: 'cmdline' | 'environ'; readonly name: string }) => boolean,
): ProcessWatch {
  const finds = new Set<string>();
  const seenTools = new Set<string>();
  /** What was looked at last, by place: most processes do not change between two looks. */
  let known = new Map<string, Buffer>();
  let looks = 0;
  let isOver = false;
  const look = (): void => {
    looks += 1;
    const current = new Map<string, Buffer>();
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
      const commandLine = readProc(pid, 'cmdline');
      // Between two programs, or gone: nothing says yet what it is. The next look sees it.
      if (commandLine.length === 0) continue;
      const program = commandLine.toString('utf8').split('\0')[0]?.split('/').at(-1) ?? '';
      seenTools.add(program);
      for (const place of ['cmdline', 'environ'] as const) {
        const content = place === 'cmdline' ? commandLine : readProc(pid, place);
        current.set(`${pid} ${place}`, content);
        if (known.get(`${pid} ${place}`)?.equals(content)) continue;
        // It became another program between the two reads, whose environment this is; the next look sees both.
        if (place === 'environ' && !readProc(pid, 'cmdline').equals(commandLine)) {
          current.delete(`${pid} ${place}`);
          continue;
        }
        for (const name of search.findIn(content)) {
          if (!isExempt({ program, place, name })) finds.add(`${place} of ${program}: ${name}`);
        }
      }
    }
    known = current;
  };
  const watching = (async () => {
    while (!isOver) {
      look();
      await pause(LOOK_INTERVAL_MS);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await watching;
      return { finds: [...finds], looks, seenTools };
    },
  };
}

function readProc(pid: string, name: string): Buffer {
  try {
    return readFileSync(`/proc/${pid}/${name}`);
  } catch {
    return Buffer.alloc(0);
  }
}
