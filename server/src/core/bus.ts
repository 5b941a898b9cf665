/** The bus of a single server process. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Bus, LiveEvent } from './ports.ts';

export function createBus(): Bus {
  const listeners = new Map<TenantId, Set<(event: LiveEvent) => void>>();
  return {
    publish(tenant, event) {
      for (const listener of listeners.get(tenant) ?? []) listener(event);
    },
    subscribe(tenant, listener) {
      const set = listeners.get(tenant) ?? new Set();
      listeners.set(tenant, set);
      set.add(listener);
      return () => {
        set.delete(listener);
        if (set.size === 0) listeners.delete(tenant);
      };
    },
  };
}

/** Topics, so that nobody spells them twice. */
export const TOPICS = {
  overview: 'overview',
  hosts: 'hosts',
  host: (id: string) => `host:${id}`,
  sources: 'sources',
  source: (id: string) => `source:${id}`,
  repositories: 'repositories',
  plans: 'plans',
  retention: 'retention',
  runs: 'runs',
  run: (id: string) => `run:${id}`,
  snapshots: 'snapshots',
  alerts: 'alerts',
  channels: 'channels',
  people: 'people',
  /** The numbers in the side bar. */
  counts: 'counts',
  /** Its lines. */
  navigation: 'navigation',
} as const;

const ID = '<id>';
/** How each is written: `hosts`, `host:<id>`. */
export const TOPIC_FORMS: readonly string[] = Object.values(TOPICS).map((topic) =>
  typeof topic === 'string' ? topic : topic(ID),
);

/** Whether anything is ever told under it; no id is looked up. */
export function isTopic(text: string): boolean {
  const [name = '', id] = text.split(/:(.*)/su);
  if (id === undefined) return TOPIC_FORMS.includes(name);
  return /^[A-Za-z0-9_-]{1,80}$/u.test(id) && TOPIC_FORMS.includes(`${name}:${ID}`);
}
