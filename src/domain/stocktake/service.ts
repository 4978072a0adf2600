/** What other features and the ways in may ask of stock-take. */
export { type CountResult, count, maxScans } from './count.ts';
export { type Format, fileOf, formats, titles } from './paper.ts';
export { type ReconcileResult, reconcile } from './reconcile.ts';
export { reportOf, type StocktakeReport } from './report.ts';
export { close, linesOf, served, tenantOf } from './sessions.ts';
