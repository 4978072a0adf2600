/** Tells runners that there is something to claim. */
import { bell } from './bell.ts';

export const { ring: wake, onRing: onWake } = bell('assetra_jobs');
