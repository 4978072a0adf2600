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

/** All labels behind each other; half of one is taken back. */
class OneFile extends Files {
  async send(bytes: Buffer): Promise<void> {
    const { path, text } = this.url;
    const file = await opened(path, O_APPEND, text);
    const before = await file.stat();
    try {
      await written(file, bytes, before.isFile());
    } catch (error) {
      if (!before.isFile()) throw deviceError(error, text);
      await file.truncate(before.size);
      throw notTaken(error, text);
    } finally {
      await file.close();
    }
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
      await written(file, bytes, true).finally(() => file.close());
      await rename(part, join(path, `${name}.zpl`));
    } catch (error) {
      await rm(part, { force: true }).catch(() => undefined);
      throw notTaken(error, text);
    }
  }
}

async function opened(path: string, flag: number, text: string): Promise<FileHandle> {
  try {
    return await open(path, O_WRONLY | O_CREAT | O_NONBLOCK | flag, 0o640);
  } catch (error) {
    throw notTaken(error, text);
  }
}

/** A pipe has no disk that it could be brought to. */
async function written(file: FileHandle, bytes: Buffer, onDisk: boolean): Promise<void> {
  await file.writeFile(bytes);
  if (onDisk) await file.sync();
}

function notTaken(error: unknown, text: string): NotTaken {
  const { code, message } = deviceError(error, text);
  return new NotTaken(code, message, { cause: error });
}

export const openOneFile = async (url: PrinterUrl): Promise<PrinterLink> => new OneFile(url);

export async function openFolder(url: PrinterUrl): Promise<PrinterLink> {
  await mkdir(url.path, { recursive: true }).catch((error) => {
    throw deviceError(error, url.text);
  });
  return new Folder(url);
}
