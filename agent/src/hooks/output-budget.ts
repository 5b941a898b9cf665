/** Lets the first lines of a talkative script pass at once and the last ones at its end, with bounded memory. Pure. */

export type OutputStream = 'stdout' | 'stderr';
export type OnHookLine = (line: string, stream: OutputStream) => void;

export interface OutputLimits {
  /** What passes at once, and what is kept for the end; in characters, each line costing `LINE_COST` besides. */
  headChars: number;
  tailChars: number;
  /** A longer line is cut with a marker. */
  lineChars: number;
}

/** So that a script which prints newlines only is bounded as well. */
const LINE_COST = 32;

export interface OutputBudget {
  push(line: string, stream: OutputStream): void;
  /** Delivers what was kept, behind a line that tells how many lines were left out. */
  end(): void;
}

export function createOutputBudget(limits: OutputLimits, onLine: OnHookLine): OutputBudget {
  let headLeft = limits.headChars;
  let tail: { line: string; stream: OutputStream }[] = [];
  let tailFrom = 0;
  let tailHeld = 0;
  let leftOut = 0;

  const cut = (line: string) =>
    line.length <= limits.lineChars
      ? line
      : `${line.slice(0, limits.lineChars)} … (${line.length - limits.lineChars} characters of this line left out)`;

  const dropOldest = () => {
    const oldest = tail[tailFrom];
    if (oldest === undefined) return;
    tailHeld -= oldest.line.length + LINE_COST;
    tailFrom += 1;
    leftOut += 1;
    if (tailFrom > tail.length / 2) {
      tail = tail.slice(tailFrom);
      tailFrom = 0;
    }
  };

  return {
    push(whole, stream) {
      const line = cut(whole);
      const cost = line.length + LINE_COST;
      if (tail.length === 0 && cost <= headLeft) {
        headLeft -= cost;
        onLine(line, stream);
        return;
      }
      headLeft = 0;
      tail.push({ line, stream });
      tailHeld += cost;
      while (tailHeld > limits.tailChars) dropOldest();
    },
    end() {
      if (leftOut > 0) onLine(`… (${leftOut} lines left out)`, 'stderr');
      for (const { line, stream } of tail.slice(tailFrom)) onLine(line, stream);
      tail = [];
      tailFrom = 0;
    },
  };
}
