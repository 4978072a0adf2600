/** Labels into files: for a site whose printer is fed by another program, and to try things out. */

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceError, NotTaken, type PrinterLink, type PrinterUrl } from './printer.ts';

const { O_WRONLY, O_CREAT, O_APPEND, O_EXCL, O_NONBLOCK } = constants;

abstract class Files implements PrinterLink {
  readonly language = 'zpl';
  readonly confirmation = 'by_delivery';
  protected readonly url: PrinterUrl;

  constructor(url: PrinterUrl) {
    this.url = url;
  }

  async identify() {
    return undefined;
  }

  async status() {
    return { reasons: [], held: 0 };
  }

  abstract send(bytes: Buffer): Promise<void>;

  close(): void {}
}

/** All labels behind each other. */
class OneFile extends Files {
  async send(bytes: Buffer): Promise<void> {
    const file = await opened(this.url.path, O_APPEND, this.url.text);
    await writtenTo(file, bytes, this.url.text);
  }
}

let number = 0;

/** A file a label, there wholly or not at all, in the order of their names. */
class Folder extends Files {
  async send(bytes: Buffer): Promise<void> {
    const { path, text } = this.url;
    number += 1;
    const name = `${new Date().toISOString().replace(/[:.]/g, '-')}-${process.pid}-${String(number).padStart(6, '0')}`;
    const part = join(path, `.${name}.part`);
    const file = await opened(part, O_EXCL, text);
    try {
      await writtenTo(file, bytes, text);
      await rename(part, join(path, `${name}.zpl`));
    } catch (error) {
      await rm(part, { force: true }).catch(() => undefined);
      throw new NotTaken('DEVICE_OFFLINE', (error as Error).message, { cause: error });
    }
  }
}

async function opened(path: string, flag: number, text: string): Promise<FileHandle> {
  try {
    return await open(path, O_WRONLY | O_CREAT | O_NONBLOCK | flag, 0o640);
  } catch (error) {
    const { code, message } = deviceError(error, text);
    throw new NotTaken(code, message, { cause: error });
  }
}

async function writtenTo(file: FileHandle, bytes: Buffer, text: string): Promise<void> {
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    throw deviceError(error, text);
  } finally {
    await file.close();
  }
}

export const openOneFile = async (url: PrinterUrl): Promise<PrinterLink> => new OneFile(url);

export async function openFolder(url: PrinterUrl): Promise<PrinterLink> {
  await mkdir(url.path, { recursive: true }).catch((error) => {
    throw deviceError(error, url.text);
  });
  return new Folder(url);
}
