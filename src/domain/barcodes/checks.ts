/** The checks that the dictionary names for parts of application identifiers. Each answers its fault, or undefined. */
import { checkDigitOf, hasCheckDigit, hasCheckPair, isIban } from './check-digit.ts';
import { countries, countryLetters, currencies, mediaTypes, packageTypes } from './code-lists.ts';

export interface Fault {
  code: string;
  message: string;
}

const unless = (holds: boolean, code: string, message: string): Fault | undefined =>
  holds ? undefined : { code, message };

const between = (text: string, least: number, most: number): boolean => Number(text) >= least && Number(text) <= most;

export const checks: Record<string, (text: string) => Fault | undefined> = {
  csum: (text) =>
    unless(
      hasCheckDigit(text),
      'GS1_BAD_CHECK_DIGIT',
      `the check digit is ${text.at(-1)}, but should be ${checkDigitOf(text.slice(0, -1))}`,
    ),
  csumalpha: (text) =>
    unless(hasCheckPair(text), 'GS1_BAD_CHECK_PAIR', 'the last two characters are not its check pair'),
  gcppos1: (text) =>
    unless(/^\d{2}/.test(text), 'GS1_BAD_COMPANY_PREFIX', 'it must begin with the digits of a GS1 company prefix'),
  gcppos2: (text) =>
    unless(/^.\d{2}/.test(text), 'GS1_BAD_COMPANY_PREFIX', 'it must hold a GS1 company prefix from its second digit'),
  yymmd0: (text) => dateFault(text, true),
  yymmdd: (text) => dateFault(text, false),
  yyyymmdd: (text) =>
    unless(isDay(Number(text.slice(0, 4)), text.slice(4), false), 'GS1_BAD_DATE', 'there is no such day'),
  hh: (text) => unless(between(text, 0, 23), 'GS1_BAD_TIME', 'the hour must be 00 to 23'),
  mi: (text) => unless(between(text, 0, 59), 'GS1_BAD_TIME', 'the minute must be 00 to 59'),
  ss: (text) => unless(between(text, 0, 59), 'GS1_BAD_TIME', 'the second must be 00 to 59'),
  hhmi: (text) =>
    unless(
      between(text.slice(0, 2), 0, 23) && between(text.slice(2), 0, 59),
      'GS1_BAD_TIME',
      'there is no such time of day',
    ),
  iso3166: (text) => unless(countries.has(text), 'GS1_UNKNOWN_COUNTRY', `${text} is no ISO 3166 country`),
  iso3166999: (text) =>
    unless(text === '999' || countries.has(text), 'GS1_UNKNOWN_COUNTRY', `${text} is no ISO 3166 country`),
  iso3166alpha2: (text) => unless(countryLetters.has(text), 'GS1_UNKNOWN_COUNTRY', `${text} is no ISO 3166 country`),
  iso4217: (text) => unless(currencies.has(text), 'GS1_UNKNOWN_CURRENCY', `${text} is no ISO 4217 currency`),
  iso5218: (text) => unless('0129'.includes(text), 'GS1_BAD_VALUE', 'the sex must be 0, 1, 2 or 9'),
  latitude: (text) => unless(between(text, 0, 1_800_000_000), 'GS1_BAD_PLACE', 'the latitude is out of range'),
  longitude: (text) => unless(between(text, 0, 3_600_000_000), 'GS1_BAD_PLACE', 'the longitude is out of range'),
  yesno: (text) => unless(text === '0' || text === '1', 'GS1_BAD_VALUE', 'it must be 0 or 1'),
  hyphen: (text) => unless(text === '-', 'GS1_BAD_VALUE', 'only a hyphen may follow'),
  zero: (text) => unless(text === '0', 'GS1_BAD_VALUE', 'it must begin with 0'),
  nonzero: (text) => unless(/[1-9]/.test(text), 'GS1_BAD_VALUE', 'it must not be zero'),
  nozeroprefix: (text) => unless(text === '0' || !text.startsWith('0'), 'GS1_BAD_VALUE', 'it must not begin with 0'),
  winding: (text) => unless('019'.includes(text), 'GS1_BAD_VALUE', 'the winding must be 0, 1 or 9'),
  hasnondigit: (text) => unless(/\D/.test(text), 'GS1_BAD_VALUE', 'it must hold a character that is no digit'),
  importeridx: (text) =>
    unless(/^[A-Za-z0-9_-]$/.test(text), 'GS1_BAD_VALUE', 'the importer index is no letter, digit, - or _'),
  packagetype: (text) => unless(packageTypes.has(text), 'GS1_UNKNOWN_PACKAGE_TYPE', `${text} is no package type`),
  mediatype: (text) => unless(mediaTypes.has(text), 'GS1_UNKNOWN_MEDIA_TYPE', `${text} is no AIDC media type`),
  pieceoftotal: (text) => {
    const [piece, total] = [Number(text.slice(0, text.length / 2)), Number(text.slice(text.length / 2))];
    return unless(piece > 0 && total > 0 && piece <= total, 'GS1_BAD_PIECE', 'the piece must be 1 up to the total');
  },
  posinseqslash: (text) => {
    const [position, total] = text.split('/').map(Number);
    const fits = /^\d\/\d$/.test(text) && position! > 0 && position! <= total!;
    return unless(fits, 'GS1_BAD_VALUE', 'it must be a position and a total, such as 1/2');
  },
  pcenc: (text) =>
    unless(!/%(?![0-9A-Fa-f]{2})/.test(text), 'GS1_BAD_PERCENT', 'a % must stand before two hexadecimal digits'),
  iban: (text) => unless(isIban(text), 'GS1_BAD_IBAN', 'it is no valid IBAN'),
  couponcode: (text) => unless(/^\d+$/.test(text), 'GS1_BAD_COUPON', 'a coupon holds digits only'),
  couponposoffer: (text) =>
    unless(/^[01]\d+$/.test(text), 'GS1_BAD_COUPON', 'a coupon begins with 0 or 1 and holds digits only'),
};

function dateFault(text: string, dayMayBeZero: boolean): Fault | undefined {
  const month = Number(text.slice(2, 4));
  if (month < 1 || month > 12) return { code: 'GS1_BAD_DATE', message: 'there is no such month' };
  return unless(isDay(yearOf(text.slice(0, 2)), text.slice(2), dayMayBeZero), 'GS1_BAD_DATE', 'there is no such day');
}

function isDay(year: number, monthAndDay: string, zeroToo: boolean): boolean {
  const [month, day] = [Number(monthAndDay.slice(0, 2)), Number(monthAndDay.slice(2, 4))];
  if (month < 1 || month > 12) return false;
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return (zeroToo && day === 0) || (day >= 1 && day <= last);
}

/** Two digits of a year are the one between 49 years ago and 50 years ahead (General Specifications, 7.12). */
export function yearOf(digits: string, now = new Date().getUTCFullYear()): number {
  const century = now - (now % 100);
  const ahead = Number(digits) - (now % 100);
  if (ahead >= 51) return century - 100 + Number(digits);
  return ahead <= -50 ? century + 100 + Number(digits) : century + Number(digits);
}
