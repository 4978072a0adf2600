/** Check digits and characters of the GS1 General Specifications, section 7.9. */

/** The modulo-10 digit that belongs after `digits`. */
export function checkDigitOf(digits: string): string {
  let sum = 0;
  for (let index = digits.length - 1, weight = 3; index >= 0; index -= 1, weight = 4 - weight)
    sum += (digits.charCodeAt(index) - 48) * weight;
  return String((10 - (sum % 10)) % 10);
}

export const hasCheckDigit = (digits: string): boolean => checkDigitOf(digits.slice(0, -1)) === digits.at(-1);

export const cset82 = '!"%&\'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const cset32 = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
/** One prime for each position from the right, 2 upwards. */
const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83];

/** Whether a Global Model Number ends in its own pair of check characters. */
export function hasCheckPair(text: string): boolean {
  const body = text.slice(0, -2);
  if (text.length < 3 || body.length > primes.length) return false;
  let sum = 0;
  for (let index = 0; index < body.length; index += 1)
    sum += cset82.indexOf(body[index]!) * primes[body.length - 1 - index]!;
  const remainder = sum % 1021;
  return text.slice(-2) === cset32[remainder >> 5]! + cset32[remainder & 31]!;
}

/** ISO 7064 MOD 97-10, as IBAN uses it. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$/.test(text)) return false;
  const moved = text.slice(4) + text.slice(0, 4);
  let remainder = 0;
  for (const letter of moved) {
    const value = Number.parseInt(letter, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
