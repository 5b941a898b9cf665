/** End-points of objectives, and of the rules of alerts: settings of the whole installation, changed section by section. */
import * as z from 'zod';
import { findRulesVersion, getRules, saveRules } from '../../core/alerts/rule-settings.ts';
import { alertRulesSchema } from '../../core/alerts/rules.ts';
import { findObjectivesVersion, getObjectives, saveObjectives } from '../../core/protection/objective-settings.ts';
import { objectivesSchema } from '../../core/protection/objectives.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { nameShape } from './shapes/shapes.ts';

const objectivesShape = nameShape('Objectives', objectivesSchema);
const rulesShape = nameShape('AlertRules', alertRulesSchema);

/** Sections that are given; those left out stay. */
function pickGiven(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

const readObjectivesEndpoint = defineEndpoint({
  method: 'get',
  path: '/objectives',
  versioned: true,
  scope: 'read',
  summary: 'How old backups and proofs of recovery may be: for the fleet, for plans and for tags.',
  tag: 'objectives',
  reply: objectivesShape,
  async handle(context, caller) {
    const data = await getObjectives(context, caller);
    return { data, version: findObjectivesVersion(data) };
  },
});

const objectiveFields = objectivesSchema.shape;
const changeObjectivesEndpoint = defineEndpoint({
  method: 'patch',
  path: '/objectives',
  versioned: true,
  guarded: true,
  scope: 'configure',
  summary: 'Replaces the sections that are given; rules of plans that are gone are left out.',
  tag: 'objectives',
  body: z.strictObject({
    fleet: objectiveFields.fleet.unwrap().optional(),
    plans: objectiveFields.plans.unwrap().optional(),
    tags: objectiveFields.tags.unwrap().optional(),
  }),
  reply: objectivesShape,
  async handle(context, caller, { body, facts }) {
    const before = await getObjectives(context, caller);
    const wanted = { ...before, ...pickGiven(body) };
    const data = await saveObjectives(context, caller, wanted, facts.ifMatch ?? findObjectivesVersion(before));
    return { data, version: findObjectivesVersion(data) };
  },
});

const readRulesEndpoint = defineEndpoint({
  method: 'get',
  path: '/alert-rules',
  versioned: true,
  scope: 'read',
  summary:
    'Thresholds of plans and tags, how much repositories may store, maintenance windows, and who is told of alerts nobody takes.',
  tag: 'alerts',
  reply: rulesShape,
  async handle(context, caller) {
    const data = await getRules(context, caller);
    return { data, version: findRulesVersion(data) };
  },
});

const ruleFields = alertRulesSchema.shape;
const changeRulesEndpoint = defineEndpoint({
  method: 'patch',
  path: '/alert-rules',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary: 'Replaces the sections that are given; what no longer leads anywhere is left out.',
  tag: 'alerts',
  body: z.strictObject({
    plans: ruleFields.plans.unwrap().optional(),
    tags: ruleFields.tags.unwrap().optional(),
    repositories: ruleFields.repositories.unwrap().optional(),
    windows: ruleFields.windows.unwrap().optional(),
    escalation: ruleFields.escalation.unwrap().optional(),
  }),
  reply: rulesShape,
  async handle(context, caller, { body, facts }) {
    const before = await getRules(context, caller);
    const wanted = { ...before, ...pickGiven(body) };
    const data = await saveRules(context, caller, wanted, facts.ifMatch ?? findRulesVersion(before));
    return { data, version: findRulesVersion(data) };
  },
});

export const OBJECTIVE_ENDPOINTS: readonly ApiEndpoint[] = [
  readObjectivesEndpoint,
  changeObjectivesEndpoint,
  readRulesEndpoint,
  changeRulesEndpoint,
];
