/** A print queue: CUPS, or a printer that speaks IPP itself. A chunk of labels is one job of it. */
import { type Attribute, call, encode, type IppAnswer, operation } from './ipp.ts';
import {
  deviceFault,
  type Identity,
  NotTaken,
  type PrinterLink,
  type PrinterStatus,
  type PrinterUrl,
  type Reason,
} from './printer.ts';

/** CUPS passes the first on as it is; a printer that is its own queue knows ZPL by another name. */
const mime = {
  pdf: ['application/pdf'],
  zpl: ['application/vnd.cups-raw', 'application/vnd.zebra-zpl', 'application/octet-stream'],
};
/** Job states of RFC 8011 that nothing comes after. */
const [canceled, aborted, completed] = [7, 8, 9];
const [formatNotSupported, valuesNotSupported] = [0x040a, 0x040b];

const byKeyword: [RegExp, Reason][] = [
  [/^media-(empty|needed)/, 'paper_out'],
  [/^marker-supply-empty|^toner-empty/, 'ribbon_out'],
  [/^(cover|door|interlock)-open/, 'head_open'],
  [/^media-jam/, 'jam'],
  [/^paused|^moving-to-paused/, 'paused'],
  [/^(shutdown|connecting-to-device|offline|timed-out)/, 'offline'],
];

export class IppLink implements PrinterLink {
  readonly language: 'pdf' | 'zpl';
  readonly confirmation = 'by_status';
  readonly #url: PrinterUrl;
  readonly #abort = new AbortController();
  /** Jobs that are under way there, with their labels. */
  readonly #jobs = new Map<number, number>();

  constructor(url: PrinterUrl) {
    this.#url = url;
    this.language = url.options.format === 'zpl' ? 'zpl' : 'pdf';
  }

  async identify(): Promise<Identity | undefined> {
    const { attributes } = await this.#printer();
    const [model] = attributes['printer-make-and-model'] ?? [];
    // A queue's resolution is that of its own drawing, not of the labels.
    return model === undefined ? undefined : { model: String(model), dpi: null };
  }

  async status(): Promise<PrinterStatus> {
    for (const id of [...this.#jobs.keys()]) await this.#look(id);
    const { attributes } = await this.#printer();
    const held = [...this.#jobs.values()].reduce((sum, labels) => sum + labels, 0);
    const keywords = (attributes['printer-state-reasons'] ?? [])
      .map(String)
      .filter((word) => !/-(report|warning)$/.test(word));
    const reasons = byKeyword.filter(([word]) => keywords.some((one) => word.test(one))).map(([, reason]) => reason);
    const stopped = attributes['printer-state']?.[0] === 5 || attributes['printer-is-accepting-jobs']?.[0] === 0;
    return { reasons: stopped && reasons.length === 0 ? ['paused'] : [...new Set(reasons)], held };
  }

  async send(bytes: Buffer, labels: number): Promise<void> {
    const formats = mime[this.language];
    let answer = await this.#print(bytes, formats[0]!);
    for (const format of formats.slice(1)) {
      if (answer.status !== formatNotSupported && answer.status !== valuesNotSupported) break;
      answer = await this.#print(bytes, format);
    }
    if (answer.status >= 0x100) throw refused(answer.status, this.#url.text);
    const [id] = answer.attributes['job-id'] ?? [];
    if (typeof id !== 'number') throw deviceFault('printer_error', `${this.#url.text} gave the job no number`);
    this.#jobs.set(id, labels);
  }

  close(): void {
    this.#abort.abort();
  }

  async #look(id: number): Promise<void> {
    const asked: Attribute[] = [
      ...this.#who(),
      ['integer', 'job-id', id],
      ['keyword', 'requested-attributes', 'job-state', 'job-state-reasons'],
    ];
    const { status, attributes } = await this.#call(encode(operation.getJob, ordered(asked)));
    const [state] = attributes['job-state'] ?? [];
    if (state === completed) this.#jobs.delete(id);
    else if (status >= 0x100 || state === canceled || state === aborted)
      throw deviceFault(
        'printer_error',
        `${this.#url.text} gave up its job ${id}: ${attributes['job-state-reasons']?.join(', ') ?? 'it is not known there'}`,
      );
  }

  #print(bytes: Buffer, format: string): Promise<IppAnswer> {
    const asked: Attribute[] = [
      ...this.#who(),
      ['name', 'job-name', 'Assetra labels'],
      ['mime', 'document-format', format],
    ];
    return this.#call(encode(operation.printJob, asked, bytes));
  }

  async #printer(): Promise<IppAnswer> {
    const wanted = ['printer-state', 'printer-state-reasons', 'printer-is-accepting-jobs', 'printer-make-and-model'];
    const asked: Attribute[] = [...this.#who(), ['keyword', 'requested-attributes', ...wanted]];
    const answer = await this.#call(encode(operation.getPrinter, asked));
    if (answer.status >= 0x100) throw refused(answer.status, this.#url.text);
    return answer;
  }

  #who(): Attribute[] {
    const { host, port, path } = this.#url;
    return [
      ['uri', 'printer-uri', `ipp://${host}:${port}${path}`],
      ['name', 'requesting-user-name', 'assetra'],
    ];
  }

  #call(body: Buffer): Promise<IppAnswer> {
    return call(this.#url, body, this.#abort.signal);
  }
}

/** RFC 8011 wants the target first: printer-uri, then job-id. */
const ordered = ([uri, who, ...rest]: Attribute[]): Attribute[] => [uri!, rest[0]!, who!, ...rest.slice(1)];

/** Forbidden, not authenticated, not authorised; not found; unavailable, temporary, not accepting jobs, busy (RFC 8011). */
const byStatus = new Map<number, Reason>([
  [0x0401, 'denied'],
  [0x0402, 'denied'],
  [0x0403, 'denied'],
  [0x0406, 'offline'],
  [0x0502, 'busy'],
  [0x0505, 'busy'],
  [0x0506, 'paused'],
  [0x0507, 'busy'],
]);

const refused = (status: number, text: string): NotTaken =>
  new NotTaken(
    `DEVICE_${(byStatus.get(status) ?? 'printer_error').toUpperCase()}`,
    `${text} refused with IPP status 0x${status.toString(16).padStart(4, '0')}${status === 0x0406 ? ': there is no such queue' : ''}.`,
  );
