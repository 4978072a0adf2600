/** What other features and the ways in may ask of assets. */
export { bulk } from './bulk.ts';
export { claimCode, codesOf, registerCode, servedCodes } from './codes.ts';
export { checkIn, checkOut, move } from './custody.ts';
export { byTag, edit, forChange, type OfflineOrigin, recordScan, served, statusesOf, write } from './lifecycle.ts';
export { byCode, byCodes, byId, isUnclaimed, unclaimedOf } from './lookup.ts';
export { type AssetRow, assets as resource } from './resource.ts';
