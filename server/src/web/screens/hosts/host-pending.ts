/** The hosts that wait for approval, and the two answers to them. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, SECRETS_MODES, tagSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import * as z from 'zod';
import { isAllowed } from '../../../core/caller.ts';
import { approveHost } from '../../../core/hosts/enrolment.ts';
import {
  listPendingHosts,
  listRejectedHosts,
  type NameTaker,
  type PendingHost,
  rejectHost,
  takeBackRejection,
} from '../../../core/hosts/pending-hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, toFormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { findText, readText, splitTags } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import type { NameTakerView, PendingHostView, PendingView } from './host-pending.view.ts';

/** An answer that was refused: which announcement, what was typed, and what is wrong with it. */
export interface RefusedApproval {
  announcement: string;
  name: string;
  tags: string;
  secretsMode: string;
  problem: FormProblem;
}

/** Rejections on the page; each is a person's answer of the last hour. */
const REJECTED_SHOWN = 10;

function toTakerView(taker: NameTaker, { urls }: Visit): NameTakerView {
  if (taker.kind === 'announcement') return taker;
  const { host, by } = taker;
  return { kind: 'host', name: host.name, href: urls.host({ host: host.id }), by };
}

function toPendingView(host: PendingHost, visit: Visit, refused: RefusedApproval | undefined): PendingHostView {
  const { facts } = host;
  return {
    id: host.id,
    hostname: host.hostname,
    words: host.fingerprint.split('-'),
    system: [facts.os, facts.arch].filter((part) => part !== '').join(' · '),
    agentVersion: facts.agentVersion,
    address: host.address,
    announcedAt: host.createdAt,
    expiresAt: host.expiresAt,
    nameTakenBy: host.nameTakenBy && toTakerView(host.nameTakenBy, visit),
    canDoWithout: hasCapability(facts, 'secrets.put'),
    ...(refused?.announcement === host.id
      ? {
          typed: {
            name: refused.name,
            tags: refused.tags,
            secretsMode: refused.secretsMode,
            errors: refused.problem.fields,
            problem: refused.problem.text,
          },
        }
      : {}),
  };
}

/** Reads who waits. The fragment is served again at `here`. */
export async function readPending(context: CoreContext, visit: Visit, refused?: RefusedApproval): Promise<PendingView> {
  const [pending, rejected] = await Promise.all([
    listPendingHosts(context, visit.caller),
    listRejectedHosts(context, visit.caller),
  ]);
  return {
    urls: visit.urls,
    face: readClockface(context, visit),
    hosts: pending.map((host) => toPendingView(host, visit, refused)),
    // The newest are the likeliest slips.
    rejected: rejected
      .slice(-REJECTED_SHOWN)
      .reverse()
      .map(({ id, hostname, fingerprint, address, rejection, expiresAt }) => {
        return { id, hostname, words: fingerprint.split('-'), address, message: rejection ?? '', expiresAt };
      }),
    moreRejected: Math.max(0, rejected.length - REJECTED_SHOWN),
    here: visit.here,
    mayApprove: isAllowed(visit.caller, 'host.approve'),
  };
}

export const tagListSchema = z.array(tagSchema).max(TEXT.tags, `there may be ${TEXT.tags} tags at most`);

const approvalSchema = z.object({ name: nameSchema, tags: tagListSchema, secretsMode: z.enum(SECRETS_MODES) });

/** Lets a host in, and leads to it. Undefined reply: the form was refused, for the reason given. */
export async function answerApproval(
  context: CoreContext,
  visit: Visit,
): Promise<{ reply: PageReply } | { refused: RefusedApproval }> {
  const announcement = getParam(visit, 'announcement', idSchema('announcement'));
  const typed = {
    name: readText(visit.form, 'name'),
    tags: readText(visit.form, 'tags'),
    // An older page has no such field.
    secretsMode: readText(visit.form, 'secretsMode') || 'kept',
  };
  const parsed = approvalSchema.safeParse({ ...typed, tags: splitTags(typed.tags) });
  if (!parsed.success) return { refused: { announcement, ...typed, problem: toSchemaProblem(parsed.error) } };
  try {
    const host = await approveHost(context, visit.caller, announcement, parsed.data);
    const text = `${host.name} is approved. It connects within seconds. Next: say what it should protect.`;
    const isFirstStart = findText(visit.query, 'next') === visit.urls.welcome();
    const to = isFirstStart ? visit.urls.welcome() : visit.urls.host({ host: host.id });
    return { reply: { kind: 'redirect', to, flash: { tone: 'good', text } } };
  } catch (thrown) {
    return { refused: { announcement, ...typed, problem: toFormProblem(thrown) } };
  }
}

const reasonSchema = z.string().trim().max(500);

export async function answerRejection(context: CoreContext, visit: Visit): Promise<PageReply> {
  const announcement = getParam(visit, 'announcement', idSchema('announcement'));
  const reason = reasonSchema.safeParse(readText(visit.form, 'reason'));
  if (!reason.success) throw new AppError('invalid', 'the reason may have 500 characters');
  await rejectHost(context, visit.caller, announcement, reason.data === '' ? 'rejected by the operator' : reason.data);
  return { kind: 'redirect', to: visit.urls.hosts(), flash: { tone: 'good', text: 'The host was rejected; its agent is told.' } };
}

export async function answerTakeBack(context: CoreContext, visit: Visit): Promise<PageReply> {
  await takeBackRejection(context, visit.caller, getParam(visit, 'announcement', idSchema('announcement')));
  const text = 'The rejection is taken back: the host waits again. Start its agent again.';
  return { kind: 'redirect', to: visit.urls.hosts(), flash: { tone: 'good', text } };
}
