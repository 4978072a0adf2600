import { dirname } from 'node:path';
import { AppError } from '../base/errors.ts';

type Flag = '--out' | '--file';

/** What to do about a file that could not be written; `flag` names it. Any other error comes back as it is. */
export function unwritable(error: unknown, path: string, flag: Flag): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'EISDIR') return isFolder(path, flag);
  const denied = `This user may not write ${path}. Name another file with ${flag}.`;
  const sentences: Record<string, string> = {
    ENOENT: `The folder ${dirname(path)} does not exist. Make it, or name another with ${flag}.`,
    ENOTDIR: `A part of ${path} is a file and no folder. Name another file with ${flag}.`,
    EEXIST: `${path} is a file, and a folder is needed there. Name another with ${flag}.`,
    EACCES: denied,
    EPERM: denied,
    EROFS: `${path} is on a disk that is read-only. Name another file with ${flag}.`,
    ENOSPC: `The disk is full; ${path} was not written.`,
  };
  const sentence = sentences[code];
  return sentence ? new AppError('write', 500, sentence, { cause: error }) : error;
}

export const isFolder = (path: string, flag: Flag): AppError =>
  new AppError('write', 500, `${path} is a folder. Name a file with ${flag}.`);
