import { parseArgs } from 'node:util';

/** Wrong use of the command line: exit code 2. */
export class UsageError extends Error {}

/** Asked for help: the text is printed and the exit code is 0. */
export class HelpAsked extends Error {}

export type Kind = 'text' | 'integer' | 'flag' | 'list';
export type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>> & { readonly _: readonly string[] };

/** Parses options strictly; an unknown or malformed one is an error that names the nearest help. */
export function options(args: readonly string[], spec: Readonly<Record<string, Kind>>, help: string): Options {
  if (args.includes('--help') || args.includes('-h')) throw new HelpAsked(help);
  const config = Object.fromEntries(Object.entries(spec).map(([name, kind]) => [name, { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), multiple: kind === 'list' }]));
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options: config, allowPositionals: true, strict: true });
  } catch (e) {
    throw new UsageError(`${(e as Error).message.split('. ')[0]}. See --help.`);
  }
  const out: Record<string, string | number | boolean | readonly string[] | undefined> = {};
  for (const [name, value] of Object.entries(parsed.values)) {
    if (spec[name] === 'integer') {
      if (!/^-?\d+$/.test(value as string)) throw new UsageError(`--${name} must be a whole number, not "${String(value)}".`);
      out[name] = Number(value);
    } else out[name] = value as string | boolean | string[];
  }
  return Object.assign(out, { _: parsed.positionals }) as Options;
}

export const text = (o: Options, name: string): string | undefined => o[name] as string | undefined;
export const integer = (o: Options, name: string): number | undefined => o[name] as number | undefined;

export function required(o: Options, name: string): string {
  const value = text(o, name);
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing. See --help.`);
  return value;
}
