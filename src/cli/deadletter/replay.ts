import { handle } from './handle.ts';

export const run = handle('replay', 'sent again');
