/** `spec.put`: the whole desired state, believed only when the pinned server signed it and it is not older than what is here. */
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import { type Spec, specSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { stripJournal } from '../runs/secrets/secrets-apart.ts';
import type { Tooling, Workbench } from '../runs/workbench.ts';

/** The same word the server signs with. */
const SPEC_CONTEXT = 'spec';

/** Checks signature, shape and addressee. Throws `integrity` or `invalid`. */
export function readSpec(
  tooling: Pick<Tooling, 'crypto' | 'serverKey' | 'hostId'>,
  signed: { document: string; signature: string },
): Spec {
  const serverKey = tooling.serverKey();
  if (!serverKey) throw new AppError('precondition', 'this host is not enrolled');
  const content = verifyDocument(tooling.crypto, serverKey, SPEC_CONTEXT, signed);
  const parsed = specSchema.safeParse(content);
  if (!parsed.success) {
    throw new AppError(
      'invalid',
      `the spec does not fit this agent: ${parsed.error.issues[0]?.path.join('.') ?? ''}: ${parsed.error.issues[0]?.message ?? ''}`,
    );
  }
  if (parsed.data.host !== tooling.hostId()) throw new AppError('integrity', 'the spec is for another host');
  return parsed.data;
}

export function createSpecPut(workbench: Workbench, onSpec: (spec: Spec) => void) {
  return (body: RequestBody<'spec.put'>): RequestResult<'spec.put'> => {
    const spec = readSpec(workbench, body);
    if (spec.version !== body.version)
      throw new AppError('integrity', 'the spec says another version than the frame that carries it');
    const { journal, secrets } = workbench;
    const keepsNone = spec.secretsMode === 'just_in_time';
    const save = () => journal.spec.save(body.document, body.signature, body.version);
    if (keepsNone && !secrets.keepsNone)
      journal.transact(() => {
        save();
        stripJournal(workbench);
      });
    else save();
    secrets.setKeepsNone(keepsNone);
    onSpec(spec);
    return { version: spec.version };
  };
}
