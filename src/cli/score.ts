import readline from 'node:readline';
import { type Choice, type ProblemKind } from '../core/benchmarks';
import { type Candidate, SCORER_NAMES, scorerByName, type Scorer } from '../core/scoring';
import { RunError } from '../runs/errors';
import { rescoreRun } from '../runs/rescore';
import { options, text, UsageError } from './options';
import { percent, say } from './terminal';

const HELP = `lingualift score --scorer NAME [--json]            read JSON lines {language, completion, gold} on standard input,
                                                write each back with correct, value, span, reading, ambiguous, error
lingualift score --run DIR --scorer NAME [--json]  score a finished run again, without the model; the scores are kept in DIR/scores
                                                beside the original ones, which stay as they are

  --scorer NAME   ${SCORER_NAMES.join(', ')}
  --dry-run       with --run: only say what would change
  --json          with --run: one JSON object; without: JSON lines are always written`;

export async function scoreCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { scorer: 'text', run: 'text', 'dry-run': 'flag', json: 'flag' }, HELP);
  let scorer: Scorer;
  try {
    scorer = scorerByName(text(o, 'scorer') ?? 'locale');
  } catch (e) {
    throw new UsageError((e as Error).message);
  }
  const run = text(o, 'run');
  if (run !== undefined) {
    const result = rescoreRun(run, scorer, o['dry-run'] !== true);
    const changed = result.changed.length;
    if (o.json === true) process.stdout.write(JSON.stringify(result) + '\n');
    else {
      say(`${result.scorer} over ${result.n} samples: ${result.correct} right (${percent(result.correct / result.n)} %); the run was scored by ${result.before} with ${result.correctBefore} right.`);
      say(changed === 0 ? 'The two agree on every sample.' : `They disagree on ${changed}: ${result.changed.slice(0, 8).map((c) => c.key).join(', ')}${changed > 8 ? ', …' : ''}`);
    }
    return 0;
  }
  return scoreLines(scorer);
}

/** JSON lines in, the same objects with the score out, in order. Stops at the first line that is not what it should be. */
async function scoreLines(scorer: Scorer): Promise<number> {
  if (process.stdin.isTTY) say('Reading JSON lines from standard input …');
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    let row: Record<string, unknown>;
    try {
      row = JSON.parse(line) as Record<string, unknown>;
    } catch (e) {
      throw new RunError(`Line ${number} is not JSON: ${(e as Error).message}`);
    }
    if (row === null || typeof row !== 'object') throw new RunError(`Line ${number} is not a JSON object.`);
    if (typeof row.completion !== 'string') throw new RunError(`Line ${number}: "completion" must be text.`);
    if (typeof row.gold !== 'string' && typeof row.gold !== 'number') throw new RunError(`Line ${number}: "gold" must be text or a number.`);
    const score = scorer.score({
      language: typeof row.language === 'string' ? row.language : 'en',
      completion: row.completion,
      gold: String(row.gold),
      kind: typeof row.kind === 'string' ? (row.kind as ProblemKind) : undefined,
      choices: Array.isArray(row.choices) ? (row.choices as Choice[]) : undefined,
      candidates: Array.isArray(row.candidates) ? (row.candidates as Candidate[]) : undefined,
      question: typeof row.question === 'string' ? row.question : undefined,
    });
    const { correct, value, span, reading, ambiguous, alternatives, error } = score;
    // JSON has no infinities; the vllm scorer's "nothing read" is written as text.
    const written = typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    process.stdout.write(JSON.stringify({ ...row, correct, value: written, span, reading, ambiguous, ...(alternatives?.length ? { alternatives } : {}), error, scorer: score.scorer }) + '\n');
  }
  return 0;
}
