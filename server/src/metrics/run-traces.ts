/** A run as OpenTelemetry's traces have it, in the JSON of OTLP: the run is the root, each stage of each source a span below it. */
import { createHash } from 'node:crypto';
import type { Run, RunAttempt, RunStage } from '../store/runs.ts';

export interface TracedRun {
  run: Run;
  stages: readonly RunStage[];
  attempts: readonly RunAttempt[];
  host?: string | undefined;
  plan?: string | undefined;
  /** Names of sources by their id. */
  sources: ReadonlyMap<string, string>;
}

type Value = { stringValue: string } | { intValue: string } | { boolValue: boolean };
interface Attribute {
  key: string;
  value: Value;
}

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: 1;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: readonly Attribute[];
  events?: readonly { timeUnixNano: string; name: string; attributes: readonly Attribute[] }[];
  /** 1: well; 2: not. Left out for what was neither. */
  status?: { code: 1 | 2; message?: string };
}

/** Ids are made of the run's, so that a run that is told twice is one trace. */
const digest = (text: string, chars: number): string => createHash('sha256').update(text).digest('hex').slice(0, chars);
const toNano = (ms: number): string => `${Math.trunc(ms)}000000`;

function listAttributes(values: Readonly<Record<string, string | number | boolean | undefined>>): readonly Attribute[] {
  return Object.entries(values).flatMap(([key, value]): Attribute[] => {
    if (value === undefined) return [];
    if (typeof value === 'string') return [{ key, value: { stringValue: value } }];
    return [{ key, value: typeof value === 'number' ? { intValue: String(Math.trunc(value)) } : { boolValue: value } }];
  });
}

function judgeRun({ state, failure }: Run): Pick<Span, 'status'> {
  if (state === 'succeeded') return { status: { code: 1 } };
  if (state === 'cancelled' || state === 'skipped') return {};
  // The code alone: texts of tools stay in the log of the run.
  return { status: { code: 2, message: failure?.reason ?? failure?.code ?? state } };
}

function buildSpans({ run, stages, attempts, host, plan, sources }: TracedRun): readonly Span[] {
  const traceId = digest(run.id, 32);
  const rootId = digest(`${run.id} root`, 16);
  const startedAt = run.startedAt ?? run.createdAt;
  const endedAt = Math.max(startedAt, run.finishedAt ?? startedAt + (run.durationMs ?? 0));
  const root: Span = {
    traceId,
    spanId: rootId,
    name: plan === undefined ? run.kind : `${run.kind} ${plan}`,
    kind: 1,
    startTimeUnixNano: toNano(startedAt),
    endTimeUnixNano: toNano(endedAt),
    attributes: listAttributes({
      'holdfast.run.id': run.id,
      'holdfast.run.kind': run.kind,
      'holdfast.run.state': run.state,
      'holdfast.run.trigger': run.trigger,
      'holdfast.run.bytes': run.bytes,
      'holdfast.run.waited_ms': Math.max(0, startedAt - run.createdAt),
      'holdfast.plan.name': plan,
      'host.name': host,
    }),
    events: attempts.map(({ attempt, failedAt, failure }) => ({
      timeUnixNano: toNano(failedAt),
      name: 'attempt failed',
      attributes: listAttributes({ 'holdfast.attempt': attempt, 'holdfast.failure': failure.reason ?? failure.code }),
    })),
    ...judgeRun(run),
  };
  const children = stages.map(
    ({ stage, source, startedAt: from, endedAt: to, ok }): Span => ({
      traceId,
      spanId: digest(`${run.id} ${source ?? ''} ${stage}`, 16),
      parentSpanId: rootId,
      name: stage,
      kind: 1,
      startTimeUnixNano: toNano(from),
      endTimeUnixNano: toNano(Math.max(from, to ?? endedAt)),
      attributes: listAttributes({
        'holdfast.stage': stage,
        'holdfast.source.name': source === undefined ? undefined : sources.get(source),
      }),
      ...(ok === undefined ? {} : { status: { code: ok ? 1 : 2 } }),
    }),
  );
  return [root, ...children];
}

/** The body of one request to `/v1/traces`. */
export function buildTraceRequest(runs: readonly TracedRun[], version: string): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: listAttributes({ 'service.name': 'holdfast', 'service.version': version }) },
        scopeSpans: [{ scope: { name: 'holdfast.runs', version }, spans: runs.flatMap((run) => buildSpans(run)) }],
      },
    ],
  };
}
