/** What other features and the ways in may ask of stock-take. */
export { type CountResult, count, maxScans } from './count.ts';
export { type ReconcileResult, reconcile } from './reconcile.ts';
export { close, linesOf, served } from './sessions.ts';
