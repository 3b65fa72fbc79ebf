import { StatisticsError } from './distributions';

/** One scored answer, reduced to what the statistics need. */
export interface ResultRow {
  readonly language: string;
  readonly problemId: string;
  readonly correct: boolean;
}

/** Value of a cell that has no answer. */
export const MISSING = -1;

/**
 * Right and wrong as a matrix: one row per language, one column per problem id (the same id in several languages is one
 * problem). Languages are in the order in which they first appear; problems are sorted (shorter ids first, so that 9 comes
 * before 10), so that resampling does not depend on the order in which a run wrote its answers.
 */
export class ResultTable {
  readonly languages: readonly string[];
  readonly problems: readonly string[];
  private readonly rowOf: ReadonlyMap<string, Int8Array>;
  private readonly columnOf: ReadonlyMap<string, number>;

  /** @throws StatisticsError when a problem occurs twice in a language */
  constructor(rows: readonly ResultRow[]) {
    const problems = [...new Set(rows.map((row) => row.problemId))].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    const columnOf = new Map(problems.map((problem, column) => [problem, column]));
    const rowOf = new Map<string, Int8Array>();
    for (const row of rows) {
      let cells = rowOf.get(row.language);
      if (!cells) rowOf.set(row.language, (cells = new Int8Array(columnOf.size).fill(MISSING)));
      const column = columnOf.get(row.problemId)!;
      if (cells[column] !== MISSING) {
        throw new StatisticsError(`Problem "${row.problemId}" has two answers in ${row.language}. Each problem counts once per language; remove or merge the repeats.`);
      }
      cells[column] = row.correct ? 1 : 0;
    }
    this.columnOf = columnOf;
    this.rowOf = rowOf;
    this.languages = [...rowOf.keys()];
    this.problems = problems;
  }

  /** Cells of a language, one per problem: 1 right, 0 wrong, MISSING; undefined for a language without answers. */
  row(language: string): Int8Array | undefined {
    return this.rowOf.get(language);
  }

  /** 1 right, 0 wrong, MISSING. */
  cell(language: string, problemId: string): number {
    const column = this.columnOf.get(problemId);
    return column === undefined ? MISSING : (this.rowOf.get(language)?.[column] ?? MISSING);
  }
}
