/** Tells live streams that something was changed. */
import { bell } from './bell.ts';

export const { ring: tell, onRing: onNews } = bell('assetra_news');
