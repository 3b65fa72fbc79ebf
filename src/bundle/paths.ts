import fs from 'node:fs';
import path from 'node:path';

/** Why the text of a path may not be used, whatever is on the disk; undefined when it is a plain relative path. */
export function unsafeName(relative: string): string | undefined {
  if (relative === '' || relative.includes('\0')) return 'the path is empty or holds a NUL byte';
  if (path.posix.isAbsolute(relative) || path.win32.isAbsolute(relative) || /^[a-z]:/i.test(relative)) return 'the path is absolute';
  if (relative.includes('\\')) return 'the path uses a backslash; paths in a manifest use "/"';
  if (relative.split('/').some((part) => part === '..' || part === '.' || part === '')) return 'the path leaves the folder or is not in its shortest form';
  if (/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(path.posix.basename(relative))) return 'the name is reserved on Windows';
  return undefined;
}

/** Why a path of a manifest may not be used; undefined when it is a plain file inside the folder, or missing. */
export function unsafePath(folder: string, relative: string): string | undefined {
  const unsafe = unsafeName(relative);
  if (unsafe) return unsafe;
  const full = path.join(folder, ...relative.split('/'));
  let real: string;
  let stat: fs.Stats;
  try {
    real = fs.realpathSync(full);
    stat = fs.statSync(real);
  } catch {
    return undefined; // missing: reported as such by the caller
  }
  const root = fs.realpathSync(folder);
  if (real !== root && !real.startsWith(root + path.sep)) return 'a symbolic link leads out of the bundle folder';
  if (!stat.isFile()) return 'it is not a regular file';
  return undefined;
}
