/** A failure whose message says what happened, why, and what to do. `exit` is the CLI's exit code. */
export class RunError extends Error {
  constructor(
    message: string,
    readonly exit: number = 2,
  ) {
    super(message);
  }
}

/** Turns what the operating system says about a path into words. */
export function diskError(e: unknown, doing: string, where: string): Error {
  const code = (e as NodeJS.ErrnoException).code;
  const because: Record<string, string> = {
    ENOSPC: 'the disk is full. Free some space and run the same command again: it resumes where it stopped.',
    EACCES: 'permission is denied. Choose another folder with --out, or change the permissions.',
    EPERM: 'it is not permitted. Choose another folder with --out.',
    EROFS: 'the file system is read-only. Choose another folder with --out.',
    ENOENT: 'it does not exist.',
    ENOTDIR: 'a part of the path is a file, not a folder.',
    EISDIR: 'it is a folder.',
    EMFILE: 'too many files are open.',
  };
  if (code === undefined || !(code in because)) return e instanceof Error ? e : new Error(String(e));
  return new RunError(`Could not ${doing} "${where}": ${because[code]}`, 3);
}
