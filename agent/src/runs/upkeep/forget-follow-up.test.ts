import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Freeze } from '@holdfast/shared/domain/retention.ts';
import type { EndedPart } from '../attempts/part.ts';
import { listFollowUp, type PastForget } from './forget-follow-up.ts';
import type { SourceRetention } from './retention.ts';

const HOUR = 3_600_000;
const NOW = 1_770_000_000_000;
const [SHOP, MAIL] = ['src_shop' as SourceId, 'src_mail' as SourceId];

interface Look {
  going?: number;
  frozen?: Freeze;
  needsPerson?: boolean;
}

function look(source: SourceId, { going = 0, frozen, needsPerson = false }: Look = {}): SourceRetention {
  const removals = Array.from({ length: going }, (_, nth) => ({ engineId: `${nth}`, why: 'no rule keeps it' }));
  return { source, removals, plan: { decisions: [], frozen, removed: going, needsPerson } };
}

const FROZEN: Look = { frozen: 'newest_run_not_clean' };
const ASKS: Look = { going: 9, needsPerson: true };

/** One that ended so many hours ago, with these reasons of its parts; none: it went well. */
function past(hoursAgo: number, ...reasons: string[]): PastForget {
  const ended: EndedPart[] = reasons.map((reason) => ({
    source: SHOP,
    state: reason === 'tool_failed' ? 'failed' : 'skipped',
    failure: { code: 'precondition', message: 'no', reason },
  }));
  return { openedAt: NOW - hoursAgo * HOUR, ended: ended.length > 0 ? ended : [{ source: SHOP, state: 'succeeded' }] };
}

const follow = (found: readonly SourceRetention[], last?: PastForget) => listFollowUp(found, 'host', last, NOW);

describe('What follows a backup', () => {
  it('is nothing where nothing is to go, and a removal where something is, as often as there is', () => {
    assert.deepEqual(follow([look(SHOP)]), []);
    assert.deepEqual(follow([look(SHOP)], past(1)), []);
    assert.deepEqual(follow([look(SHOP), look(MAIL, { going: 1 })], past(0)), [MAIL]);
  });

  it('says what is frozen or waits for a person, once a day, and at once when it is something else', () => {
    for (const [held, reason] of [
      [FROZEN, 'retention_frozen'],
      [ASKS, 'retention_asks'],
    ] as const) {
      const found = [look(SHOP, held), look(MAIL)];
      assert.deepEqual(follow(found), [SHOP]);
      assert.deepEqual(follow(found, past(1)), [SHOP], 'it has begun since the last removal');
      assert.deepEqual(follow(found, past(23, reason)), []);
      assert.deepEqual(follow(found, past(24, reason)), [SHOP]);
    }
    assert.deepEqual(follow([look(SHOP, ASKS)], past(1, 'retention_frozen')), [SHOP]);
  });

  it('tells what waits with every removal, so that the newest run says all of it', () => {
    assert.deepEqual(follow([look(SHOP, FROZEN), look(MAIL, { going: 1 })], past(1, 'retention_frozen')), [MAIL, SHOP]);
  });

  it('says once that nothing waits or fails any longer', () => {
    for (const reason of ['retention_frozen', 'retention_asks', 'removal_refused', 'tool_failed'])
      assert.deepEqual(follow([look(SHOP)], past(1, reason)), [SHOP], reason);
    assert.deepEqual(follow([], past(1, 'retention_frozen')), [], 'nothing is left to speak of');
  });

  it('tries a credential that could remove nothing once a day, not after each backup', () => {
    const found = [look(SHOP, { going: 1 })];
    assert.deepEqual(follow(found, past(23, 'removal_refused')), []);
    assert.deepEqual(follow(found, past(24, 'removal_refused')), [SHOP]);
  });

  it('is nothing where the server orders it, and a word a day where a person does', () => {
    const found = [look(SHOP, { going: 1 })];
    assert.deepEqual(listFollowUp(found, 'server', undefined, NOW), []);
    assert.deepEqual(listFollowUp([look(SHOP, FROZEN)], 'server', undefined, NOW), []);
    assert.deepEqual(listFollowUp(found, 'person', undefined, NOW), [SHOP]);
    assert.deepEqual(listFollowUp(found, 'person', past(23, 'removal_refused'), NOW), []);
    assert.deepEqual(listFollowUp(found, 'person', past(24, 'removal_refused'), NOW), [SHOP]);
    assert.deepEqual(listFollowUp([look(SHOP)], 'person', past(1), NOW), []);
  });
});
