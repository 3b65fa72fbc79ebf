import { type Draft } from './reader';

const SUFFIX = /\s?(?:([kK])(?![\p{L}\d])|(million|billion|thousand|hundred)(?!\p{L}))/uy;
const WORD: Readonly<Record<string, number>> = { hundred: 100, thousand: 1e3, million: 1e6, billion: 1e9 };

export function scaleAfter(text: string, end: number, _language: string, value: number, _start: number): { value: number; end: number; alternatives: number[] } | undefined {
  SUFFIX.lastIndex = end;
  const m = SUFFIX.exec(text);
  if (!m) return undefined;
  if (m[1]) return m[0].startsWith(' ') ? undefined : { value: value * 1000, end: end + m[0].length, alternatives: [value] };
  return { value: value * (WORD[m[2] ?? ''] ?? 1), end: end + m[0].length, alternatives: [] };
}

export function readSpelled(_text: string, _language: string, _taken: readonly Draft[]): Draft[] {
  return [];
}
