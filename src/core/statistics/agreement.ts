import { StatisticsError } from './distributions';
import { MISSING, type ResultTable } from './table';

/** One answer as read: a number, a label, or null when nothing was read. */
export interface AnsweredRow {
  readonly language: string;
  readonly problemId: string;
  readonly value: number | string | null;
}

/** Square matrices over `languages`, row-major; NaN where two languages share no problem (or kappa is not defined). */
export interface AgreementMatrix {
  readonly languages: readonly string[];
  /** Problems answered in both. */
  readonly n: Uint32Array;
  /** Share of those with the same answer; an unread answer is the same as nothing, not even as another unread one. */
  readonly sameAnswer: Float64Array;
  /** Share of those that are both right or both wrong. */
  readonly sameCorrectness: Float64Array;
  /** Cohen's kappa of right/wrong. */
  readonly kappa: Float64Array;
}

/** Agreement of every pair of languages; the diagonal compares a language with itself. */
export function agreementMatrix(table: ResultTable, answers: readonly AnsweredRow[], languages: readonly string[] = table.languages): AgreementMatrix {
  const size = languages.length;
  const codes = encode(answers, table);
  const matrix: AgreementMatrix = {
    languages,
    n: new Uint32Array(size * size),
    sameAnswer: new Float64Array(size * size).fill(NaN),
    sameCorrectness: new Float64Array(size * size).fill(NaN),
    kappa: new Float64Array(size * size).fill(NaN),
  };
  for (let i = 0; i < size; i += 1) {
    for (let j = i; j < size; j += 1) {
      const counts = [0, 0, 0, 0];
      const [x, y] = [table.row(languages[i]!), table.row(languages[j]!)];
      const [s, t] = [codes.get(languages[i]!), codes.get(languages[j]!)];
      if (!x || !y) continue;
      let same = 0;
      for (let p = 0; p < x.length; p += 1) {
        if (x[p] === MISSING || y[p] === MISSING) continue;
        counts[x[p]! * 2 + y[p]!]! += 1;
        if (s && t && s[p]! > 0 && s[p] === t[p]) same += 1;
      }
      const n = counts[0]! + counts[1]! + counts[2]! + counts[3]!;
      for (const at of [i * size + j, j * size + i]) {
        matrix.n[at] = n;
        if (n === 0) continue;
        matrix.sameAnswer[at] = same / n;
        matrix.sameCorrectness[at] = (counts[0]! + counts[3]!) / n;
        matrix.kappa[at] = cohenKappa([[counts[0]!, counts[1]!], [counts[2]!, counts[3]!]]);
      }
    }
  }
  return matrix;
}

/** Cohen's kappa of a square table of counts; NaN when it is empty or both raters always use one and the same category. */
export function cohenKappa(counts: readonly (readonly number[])[]): number {
  const size = counts.length;
  if (counts.some((row) => row.length !== size)) throw new StatisticsError("Cohen's kappa takes a square table of counts.");
  let n = 0;
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < size; i += 1) {
    observed += counts[i]![i]!;
    n += sum(counts[i]!);
  }
  for (let i = 0; i < size; i += 1) expected += (sum(counts[i]!) / n) * (sum(counts.map((row) => row[i]!)) / n);
  return expected === 1 ? NaN : (observed / n - expected) / (1 - expected);
}

/**
 * Fleiss' kappa.
 *
 * @param counts per subject the number of raters that chose each category; every subject has the same number of raters (at least 2)
 * @returns NaN without subjects or when all raters always choose one category
 */
export function fleissKappa(counts: readonly (readonly number[])[]): number {
  if (counts.length === 0) return NaN;
  const raters = sum(counts[0]!);
  if (raters < 2 || counts.some((row) => sum(row) !== raters)) throw new StatisticsError("Fleiss' kappa needs the same number of raters (at least 2) for every subject.");
  const categories = counts[0]!.length;
  let observed = 0;
  for (const row of counts) observed += (sum(row.map((x) => x * x)) - raters) / (raters * (raters - 1));
  let expected = 0;
  for (let c = 0; c < categories; c += 1) expected += (sum(counts.map((row) => row[c]!)) / (counts.length * raters)) ** 2;
  return expected === 1 ? NaN : (observed / counts.length - expected) / (1 - expected);
}

export interface Consistency {
  /** Problems that all the languages have. */
  readonly problems: number;
  /** Of those, right in all languages / wrong in all / mixed. */
  readonly allRight: number;
  readonly allWrong: number;
  readonly mixed: number;
  /** Fleiss' kappa of right/wrong with languages as raters; NaN when not defined. */
  readonly fleiss: number;
}

/** Consistency over all languages at once, from the problems that each of them has. */
export function consistency(table: ResultTable, languages: readonly string[] = table.languages): Consistency {
  const rows = languages.flatMap((language) => table.row(language) ?? []);
  const counts: [number, number][] = [];
  for (let p = 0; p < table.problems.length && rows.length > 0; p += 1) {
    if (rows.some((row) => row[p] === MISSING)) continue;
    const right = rows.reduce((sumRight, row) => sumRight + row[p]!, 0);
    counts.push([right, rows.length - right]);
  }
  const allRight = counts.filter(([, wrong]) => wrong === 0).length;
  const allWrong = counts.filter(([right]) => right === 0).length;
  return { problems: counts.length, allRight, allWrong, mixed: counts.length - allRight - allWrong, fleiss: rows.length < 2 ? NaN : fleissKappa(counts) };
}

export interface ProblemMatrix {
  readonly languages: readonly string[];
  /** From the problem right in most languages to the one right in fewest; ties in the table's order. */
  readonly problems: readonly string[];
  /** Row-major problems x languages: 1 right, 0 wrong, MISSING. */
  readonly cells: Int8Array;
  /** Per problem, the share of answered languages in which it is right. */
  readonly shares: Float64Array;
}

/** Problem x language matrix, sorted by how widely a problem is solved. */
export function problemMatrix(table: ResultTable, languages: readonly string[] = table.languages): ProblemMatrix {
  const rows = languages.map((language) => table.row(language));
  const shareAt = (p: number): number => {
    let [right, answered] = [0, 0];
    for (const row of rows) {
      if (!row || row[p] === MISSING) continue;
      answered += 1;
      right += row[p]!;
    }
    return answered === 0 ? 0 : right / answered;
  };
  const order = table.problems.map((_, p) => ({ p, share: shareAt(p) })).sort((a, b) => b.share - a.share || a.p - b.p);
  const cells = new Int8Array(order.length * languages.length);
  order.forEach(({ p }, r) => rows.forEach((row, c) => (cells[r * languages.length + c] = row ? row[p]! : MISSING)));
  return { languages, problems: order.map(({ p }) => table.problems[p]!), cells, shares: Float64Array.from(order, ({ share }) => share) };
}

/** Answers as small integers per language and problem, 0 for unread; equal numbers and equal labels share a code. */
function encode(answers: readonly AnsweredRow[], table: ResultTable): Map<string, Int32Array> {
  const codes = new Map<number | string, number>();
  const column = new Map(table.problems.map((problem, i) => [problem, i]));
  const byLanguage = new Map<string, Int32Array>();
  for (const { language, problemId, value } of answers) {
    const at = column.get(problemId);
    if (at === undefined || value === null) continue;
    let row = byLanguage.get(language);
    if (!row) byLanguage.set(language, (row = new Int32Array(table.problems.length)));
    let code = codes.get(value);
    if (code === undefined) codes.set(value, (code = codes.size + 1));
    row[at] = code;
  }
  return byLanguage;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, x) => total + x, 0);
}
