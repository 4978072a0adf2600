/** Words for cards, apart from what draws them: help and completion load no more than this. */
export const cardKinds = ['commands', 'locations', 'badges'] as const;
export type CardKind = (typeof cardKinds)[number];

export const cardSymbologies = ['qr', 'code128'] as const;
export type CardSymbology = (typeof cardSymbologies)[number];
