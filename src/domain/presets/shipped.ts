/** The presets that come with the program, as data in templates/presets/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../base/paths.ts';
import type { PresetRow } from './resource.ts';

export interface Shipped {
  name: string;
  config: PresetRow['config'];
}

export const shipped = (type: PresetRow['preset_type']): Shipped =>
  JSON.parse(readFileSync(join(packageRoot, 'templates', 'presets', `${type}.json`), 'utf8'));
