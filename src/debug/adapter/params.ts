/** Reading the arguments of requests, which come from anybody. */
export class BadRequest extends Error {}

export type Args = Readonly<Record<string, unknown>>;

export const argsOf = (value: unknown): Args => {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new BadRequest('The arguments of a request must be an object.');
  return value as Args;
};

export function integer(args: Args, key: string): number {
  const value = args[key];
  if (!Number.isInteger(value)) throw new BadRequest(`"${key}" must be a whole number, not ${JSON.stringify(value) ?? 'nothing'}.`);
  return value as number;
}

export const integerOr = (args: Args, key: string, otherwise: number): number => (args[key] === undefined ? otherwise : integer(args, key));

export function text(args: Args, key: string): string {
  const value = args[key];
  if (typeof value !== 'string') throw new BadRequest(`"${key}" must be a text, not ${JSON.stringify(value) ?? 'nothing'}.`);
  return value;
}

export const textOr = (args: Args, key: string): string | undefined => (args[key] === undefined || args[key] === null ? undefined : text(args, key));

/** A list of objects; an empty one when it is left out. */
export function rows(args: Args, key: string): Args[] {
  const value = args[key] ?? [];
  if (!Array.isArray(value)) throw new BadRequest(`"${key}" must be a list.`);
  return value.map(argsOf);
}
