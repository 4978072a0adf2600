import { handle } from './handle.ts';

export const run = handle('purge', 'forgotten');
