/** What a HID POS scanner and a keyboard send, byte for byte. */

/** A scanner as the POS usage tables describe one: report 2 with length, AIM identifier, 56 bytes of data, continued. */
export const posDescriptor = Uint8Array.from([
  ...[0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01], // page 0x8C, scanner, application
  ...[0x09, 0x12, 0xa1, 0x02, 0x85, 0x02], // scanned data report, logical, id 2
  ...[0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x01], // bytes, one
  ...[0x05, 0x01, 0x09, 0x3b, 0x81, 0x02], // byte count
  ...[0x05, 0x8c, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x95, 0x03, 0x81, 0x02], // symbology 1 to 3
  ...[0x09, 0xfe, 0x95, 0x38, 0x82, 0x02, 0x01], // 56 bytes of data, buffered
  ...[0x95, 0x02, 0x81, 0x03], // two bytes of padding
  ...[0x09, 0xff, 0x75, 0x01, 0x95, 0x01, 0x25, 0x01, 0x81, 0x02], // continued
  ...[0x75, 0x07, 0x81, 0x03], // padding
  ...[0xc0, 0xc0],
]);

/** The keyboard of HID 1.11, appendix E.6. */
export const keyboardDescriptor = Uint8Array.from([
  ...[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01],
  ...[0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02],
  ...[0x95, 0x01, 0x75, 0x08, 0x81, 0x01],
  ...[0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x01],
  ...[0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00],
  0xc0,
]);

/** Reports of one code, its AIM identifier in its own place. */
export function posReports(code: string): Uint8Array[] {
  const aim = /^\][A-Za-z][0-9A-Za-z]/.exec(code)?.[0] ?? '';
  const data = Buffer.from(code.slice(aim.length));
  const reports: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += 56) {
    const part = data.subarray(at, at + 56);
    const report = new Uint8Array(64);
    report.set([2, part.length]);
    report.set(Buffer.from(aim), 2);
    report.set(part, 5);
    report[63] = at + 56 < data.length ? 1 : 0;
    reports.push(report);
  }
  return reports;
}

const plain = "abcdefghijklmnopqrstuvwxyz1234567890\r\u001b\b\t -=[]\\\\;'`,./";
const shifted = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()\0\0\0\0\0_+{}||:"~<>?';

/** A press and a release for each character, on a US keyboard; GS as Control and ]. */
export function usKeyReports(text: string): Uint8Array[] {
  return [...text].flatMap((letter) => {
    if (letter === '\u001d') return [boot(0x01, 0x30), boot(0, 0)];
    const key = plain.indexOf(letter);
    return key >= 0 ? [boot(0, key + 4), boot(0, 0)] : [boot(0x02, shifted.indexOf(letter) + 4), boot(0, 0)];
  });
}

export const boot = (modifiers: number, ...keys: number[]): Uint8Array => {
  const report = new Uint8Array(8);
  report[0] = modifiers;
  report.set(keys, 2);
  return report;
};
