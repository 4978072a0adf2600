/** What other features and the ways in may ask of assets. */
export { bulk } from './bulk.ts';
export { claimCode, codesOf, registerCode, servedCodes } from './codes.ts';
export { checkIn, checkOut, move } from './custody.ts';
export { byTag, forChange, recordScan, served, statusesOf, write } from './lifecycle.ts';
export { byCode, byId, byIds, isUnclaimed } from './lookup.ts';
export { type AssetRow, assets as resource } from './resource.ts';
