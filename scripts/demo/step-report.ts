/** A step failed: which one, and why. `message` is one line. */
export class StepFailure extends Error {
  override name = 'StepFailure';
  readonly number: number;
  readonly title: string;

  constructor(number: number, title: string, cause: unknown) {
    super(`step ${number} (${title}): ${describeError(cause)}`, { cause });
    this.number = number;
    this.title = title;
  }
}

export type StepReport = {
  /** Runs one step and prints its number, title, duration and what `work` says came of it. */
  run<T>(title: string, work: () => Promise<{ said: string; result: T }>): Promise<T>;
  readonly elapsedMs: () => number;
};

/** Prints numbered steps as they end. `total` is how many there will be. */
export function createStepReport(total: number, print: (line: string) => void, now = () => performance.now()): StepReport {
  const started = now();
  let number = 0;
  return {
    elapsedMs: () => now() - started,
    async run(title, work) {
      number += 1;
      const own = number;
      const stepStarted = now();
      try {
        const { said, result } = await work();
        print(formatStep({ number: own, total, title, said, tookMs: now() - stepStarted }));
        return result;
      } catch (error) {
        throw new StepFailure(own, title, error);
      }
    },
  };
}

export type StepLine = {
  readonly number: number;
  readonly total: number;
  readonly title: string;
  readonly said: string;
  readonly tookMs: number;
};

const TITLE_WIDTH = 22;

export function formatStep({ number, total, title, said, tookMs }: StepLine): string {
  const place = `${String(number).padStart(String(total).length)}/${total}`;
  return `  ${place}  ${title.padEnd(TITLE_WIDTH)} ${formatSeconds(tookMs).padStart(7)}   ${said}`.trimEnd();
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** What went wrong in one line, with the causes behind it. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 4; depth += 1) {
    const text =
      at instanceof AggregateError ? at.errors.map(describeError).join('; ') : at instanceof Error ? at.message : String(at);
    if (text !== '' && !parts.includes(text)) parts.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts
    .join(': ')
    .replaceAll(/\s*\n\s*/g, ' | ')
    .trim();
}
