import { posix } from 'node:path';
import { type ImportEdge, listImports, type SourceFile } from './imports.ts';
import { HOMES, PACKAGES_EVERYWHERE, PURE_FILES, PURE_MAY_IMPORT, SIDES, TEST_FILE, ZONES, type Zone } from './rules.ts';

/** A finding reads `path:line what is wrong`. */
export type Finding = string;

/** Files that are in no room, imports across zones, and builtins or packages that a zone must not see. */
export function findZoneViolations(files: readonly SourceFile[], zones: readonly Zone[] = ZONES): Finding[] {
  return files.flatMap((file) => {
    const zone = findZone(file.path, zones);
    if (zone === undefined) return [`${file.path}:1 belongs to no zone of scripts/architecture/rules.ts`];
    return listImports(file).flatMap((edge) => judgeEdge(edge, zone, zones));
  });
}

function judgeEdge(edge: ImportEdge, zone: Zone, zones: readonly Zone[]): Finding[] {
  const at = `${edge.from}:${edge.line}`;
  const isTest = TEST_FILE.test(edge.from);
  if (edge.target.kind !== 'file') {
    const denied = !isTest && zone.denied?.test(edge.target.name) === true;
    return denied ? [`${at} ${zone.name} must not import ${edge.target.name}`] : [];
  }
  const target = findZone(edge.target.path, zones);
  if (target === undefined) return [`${at} imports ${edge.target.path}, which belongs to no zone`];
  if (target === zone || zone.mayImport.includes('*') || zone.mayImport.includes(target.name)) return [];
  if (
    isTest &&
    (sideOf(target.name) === sideOf(zone.name) || (sideOf(target.name) === 'shared' && sideOf(zone.name) !== 'shared'))
  )
    return [];
  if (zone.mayImportTypesOf.includes(target.name)) {
    return edge.typeOnly ? [] : [`${at} ${zone.name} may import only types of ${target.name}: ${edge.target.path}`];
  }
  return [`${at} ${zone.name} must not import ${target.name}: ${edge.target.path}`];
}

function findZone(path: string, zones: readonly Zone[]): Zone | undefined {
  return zones.find((zone) => zone.files.test(path));
}

function sideOf(path: string): string {
  return path.split('/')[0] ?? path;
}

/** A package in two rooms of one side, or a package or builtin outside its home. Tests may use what they test with. */
export function findHomelessPackages(files: readonly SourceFile[], homes: typeof HOMES = HOMES): Finding[] {
  const rooms = new Map<string, Map<string, string>>();
  const findings: Finding[] = [];
  for (const edge of listRuntimeSideImports(files)) {
    const side = sideOf(edge.from);
    const name = edge.target.kind === 'file' ? '' : edge.target.name;
    const home = homes[name];
    const room = roomOf(edge.from);
    const place = home?.[side];
    if (home !== undefined && place !== '*' && place?.split(' ').includes(room) !== true) {
      findings.push(`${edge.from}:${edge.line} ${name} is imported outside its home (${place ?? `never in ${side}`})`);
    } else if (edge.target.kind === 'package' && !PACKAGES_EVERYWHERE.has(name) && (place === undefined || place === '*')) {
      const seen = rooms.get(`${side} ${name}`) ?? new Map<string, string>();
      rooms.set(`${side} ${name}`, seen.set(room, seen.get(room) ?? `${edge.from}:${edge.line}`));
    }
  }
  for (const [key, seen] of rooms) {
    const name = key.split(' ')[1];
    if (seen.size > 1) findings.push(`${name} is imported from ${seen.size} folders: ${[...seen.values()].join(', ')}`);
  }
  return findings;
}

function listRuntimeSideImports(files: readonly SourceFile[]): ImportEdge[] {
  return files
    .filter((file) => SIDES.includes(sideOf(file.path)) && !TEST_FILE.test(file.path))
    .flatMap(listImports)
    .filter((edge) => edge.target.kind !== 'file');
}

/** `server/src/web/screens/runs.ts` is in `server/src/web`; `server/src/metrics.ts` is a room by itself. */
function roomOf(path: string): string {
  return path.split('/').slice(0, 3).join('/').replace(/\.ts$/, '');
}

/** Files that promise to be pure and import something that acts. */
export function findImpureImports(files: readonly SourceFile[]): Finding[] {
  return files
    .filter((file) => PURE_FILES.test(file.path))
    .flatMap(listImports)
    .filter((edge) => edge.target.kind !== 'file' && !edge.typeOnly && !PURE_MAY_IMPORT.has(edge.target.name))
    .map((edge) => `${edge.from}:${edge.line} is a pure file and must not import ${edge.specifier}`);
}

/** Imports of files that do not exist, which type stripping would only find at run time. */
export function findMissingFiles(files: readonly SourceFile[]): Finding[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap(listImports).flatMap((edge) => {
    if (edge.target.kind !== 'file' || known.has(edge.target.path)) return [];
    return [`${edge.from}:${edge.line} imports ${edge.target.path}, which does not exist`];
  });
}

/** Import cycles between files, types included: each is shown once, as the way round. */
export function findCycles(files: readonly SourceFile[]): Finding[] {
  const graph = new Map(files.map((file) => [file.path, listFileTargets(file)]));
  const done = new Set<string>();
  const findings = new Map<string, Finding>();
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const round = trail.slice(start);
      findings.set([...round].sort().join('|'), `cycle: ${[...round, path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return [...findings.values()];
}

function listFileTargets(file: SourceFile): string[] {
  return listImports(file).flatMap((edge) => (edge.target.kind === 'file' ? [posix.normalize(edge.target.path)] : []));
}
