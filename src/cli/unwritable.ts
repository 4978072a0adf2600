import { dirname } from 'node:path';
import { AppError } from '../base/errors.ts';

type Flag = '--out' | '--file';

/** What to do about a file that could not be written; `flag` names it, or it is an argument. Any other error comes back. */
export function unwritable(error: unknown, path: string, flag?: Flag): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  const by = byFlag(flag);
  if (code === 'EISDIR') return isFolder(path, flag);
  const denied = `This user may not write ${path}. Name another file${by}.`;
  const sentences: Record<string, string> = {
    ENOENT: `The folder ${dirname(path)} does not exist. Make it, or name another${by}.`,
    ENOTDIR: `A part of ${path} is a file and no folder. Name another file${by}.`,
    EEXIST: `${path} is a file, and a folder is needed there. Name another${by}.`,
    EACCES: denied,
    EPERM: denied,
    EROFS: `${path} is on a disk that is read-only. Name another file${by}.`,
    ENOSPC: `The disk is full; ${path} was not written.`,
    EDQUOT: `The disk quota is used up; ${path} was not written.`,
  };
  const sentence = sentences[code];
  return sentence ? new AppError('write', 500, sentence, { cause: error }) : error;
}

export const isFolder = (path: string, flag?: Flag): AppError =>
  new AppError('write', 500, `${path} is a folder. Name a file${byFlag(flag)}.`);

const byFlag = (flag?: Flag): string => (flag ? ` with ${flag}` : '');
