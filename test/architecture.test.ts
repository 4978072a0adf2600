import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = resolve(import.meta.dirname, '../src');
/** Highest floor first; boxes of one floor may not import each other. */
const floors = [
  ['cli'],
  ['http', 'jobs', 'stations'],
  ['domain'],
  ['resource'],
  ['queue', 'devices', 'render'],
  ['db'],
  ['base'],
];
const floorOf = (box: string) => floors.findIndex((boxes) => boxes.includes(box));

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => relative(src, resolve(src, dirname(file), match[1]!)));
}

/** Why this import breaks the house rule, or null. */
function breach(file: string, target: string): string | null {
  const [box, feature] = file.split('/') as [string, string];
  const [targetBox, targetFeature] = target.split('/') as [string, string];
  if (file === 'main.ts' || target.startsWith('..')) return null;
  if (floorOf(targetBox) < floorOf(box)) return `${file} imports upwards: ${target}`;
  if (floorOf(targetBox) === floorOf(box) && targetBox !== box) return `${file} imports sideways: ${target}`;
  const composition = file === 'domain/resources.ts' || target === 'domain/resources.ts';
  if (box === 'domain' && targetBox === 'domain' && feature !== targetFeature && !composition) {
    const allowed = /^domain\/[^/]+\/service\.ts$/.test(target);
    if (!allowed) return `${file} may only call the service of another feature, not ${target}`;
  }
  return null;
}

describe('the floors of src/', () => {
  it('imports go down only and never sideways', () => {
    const breaches = files.flatMap((file) => importsOf(file).map((target) => breach(file, target)));
    expect(breaches.filter(Boolean)).toEqual([]);
  });

  it('catches an import that goes up or sideways', () => {
    expect(breach('db/open.ts', 'domain/assets/service.ts')).toContain('upwards');
    expect(breach('devices/serial.ts', 'render/zpl.ts')).toContain('sideways');
    expect(breach('domain/scans/service.ts', 'domain/assets/store.ts')).toContain('only call the service');
    expect(breach('domain/scans/service.ts', 'domain/assets/service.ts')).toBeNull();
  });

  it('only base/config reads process.env', () => {
    const readers = files.filter((file) => readFileSync(join(src, file), 'utf8').includes('process.env'));
    expect(readers).toEqual(['base/config.ts']);
  });

  it('every box of src/ has a floor', () => {
    const boxes = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!));
    expect([...boxes].filter((box) => floorOf(box) < 0)).toEqual([]);
  });
});
