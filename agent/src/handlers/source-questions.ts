/** `source.test` and `source.discover`: asked by a person who waits, answered in the tool's own words. */
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { PROCESS, TEXT } from '@holdfast/shared/limits.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { probeSource } from '../runs/backup/probe.ts';
import { prepareSourceDraft, withWorkDir } from '../runs/inputs.ts';
import { getBinary, type Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';

export function createSourceTest(workbench: Workbench) {
  return (body: RequestBody<'source.test'>): Promise<RequestResult<'source.test'>> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const source = prepareSourceDraft(workbench, body.draft, body.ref, workDir);
      const startedAt = workbench.clock.monotonicMs();
      const latency = () => Math.max(0, workbench.clock.monotonicMs() - startedAt);
      try {
        const probe = await probeSource(workbench, workbench.exec, source);
        for (const tool of source.input.tools ?? source.adapter.tools)
          getBinary(workbench, tool, probe.serverVersion || undefined);
        // What no backup can be made of is refused here already.
        source.adapter.planBackup(source.input, probe);
        const message =
          probe.serverVersion === '' ? 'everything is there and readable' : `connected to version ${probe.serverVersion}`;
        return {
          ok: true,
          message,
          serverVersion: probe.serverVersion.slice(0, 200),
          ...(probe.estimatedBytes === undefined ? {} : { sizeBytes: Math.round(probe.estimatedBytes) }),
          warnings: probe.warnings.slice(0, 50).map((warning) => source.redact(warning).slice(0, 500)),
          latencyMs: latency(),
        };
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code === 'internal') throw error;
        const reason = findReason(error);
        return {
          ok: false,
          message: source.redact(error.message).slice(0, TEXT.errorChars),
          ...(reason ? { reason } : {}),
          serverVersion: '',
          warnings: [],
          latencyMs: latency(),
        };
      }
    });
  };
}

export function createSourceDiscover(workbench: Workbench) {
  return (body: RequestBody<'source.discover'>): Promise<RequestResult<'source.discover'>> => {
    assertInTime(workbench.clock, body.notAfter);
    return withWorkDir(workbench, async (workDir) => {
      const source = prepareSourceDraft(workbench, body.draft, body.ref, workDir);
      const { discovery } = source.adapter;
      if (!discovery) throw new AppError('unsupported', 'there is nothing to discover for this kind of source');
      const command = discovery.plan(source.input);
      const stage = { command, binary: getBinary(workbench, command.tool) };
      const result = await workbench.exec.runTool({ stage, workDir, timeoutMs: PROCESS.toolTimeoutMs });
      if (result.exitCode !== 0) {
        const failure = source.adapter.classifyFailure(result);
        throw createReasonError(failure.reason, source.redact(failure.message));
      }
      const found = discovery.parse(result.stdout).slice(0, 2000);
      return {
        found: found.map(({ name, sizeBytes }) => ({
          name,
          ...(sizeBytes === undefined ? {} : { sizeBytes: Math.round(sizeBytes) }),
        })),
      };
    });
  };
}
