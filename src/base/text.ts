/** As every database takes it: a sentence that quotes what was sent may hold NUL or half a character. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\u2400');
