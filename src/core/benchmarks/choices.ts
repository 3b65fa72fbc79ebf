import { Collector, type FileReading } from './readers';
import { fieldOf, fileRows, type FileRow } from './rows';
import { type Choice, type SourceFile } from './types';

/**
 * Readers of the two multiple-choice benchmarks beside the word problems. Both come as one file per language, in folders by language,
 * or with every language in one file that names it per row.
 */

const LABELS = 'ABCDEFGHIJ';
const RELATIONS = ['entailment', 'neutral', 'contradiction'] as const;

const text = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined);

/** Collectors by language; the language is the row's, or else the file's. */
class ByLanguage {
  private readonly all = new Map<string, Collector>();

  constructor(
    private readonly file: SourceFile,
    private readonly language: string | undefined,
    private readonly field: string,
  ) {}

  of(row: FileRow): Collector | undefined {
    const code = text(fieldOf(row.fields, this.field))?.toLowerCase() ?? this.language;
    if (code === undefined || !/^[a-z]{2,3}$/.test(code)) {
      this.none.error(`The row names no language (field "${this.field}"), and neither does the file's name.`, row.line, this.field);
      return undefined;
    }
    return this.at(code);
  }

  at(code: string): Collector {
    let found = this.all.get(code);
    if (!found) this.all.set(code, (found = new Collector(this.file.name, code)));
    return found;
  }

  /** What belongs to no language. */
  get none(): Collector {
    return this.at(this.language ?? '');
  }

  done(): FileReading[] {
    return [...this.all.values()].map((c) => c.done());
  }
}

/**
 * X-CSQA: `{question: {stem, choices: [{label, text}]}, answerKey}` as published (with `id` and `lang`), or flat with `question`,
 * `choice_A` … `choice_E`. The published test set has no answers; that is an error per line, because nothing can be scored with it.
 */
export function readXcsqa(file: SourceFile, language: string | undefined): FileReading[] {
  const out = new ByLanguage(file, language, 'lang');
  const { rows, problems } = fileRows(file);
  for (const p of problems) out.none.error(p.message, p.line);
  const counts = new Map<string, number>();
  for (const row of rows) {
    const collector = out.of(row);
    if (!collector) continue;
    const place = (counts.get(collector.language) ?? 0) + 1;
    counts.set(collector.language, place);
    const stem = text(fieldOf(row.fields, 'question.stem')) ?? text(row.fields.question);
    const choices = choicesOf(row);
    if (stem === undefined) collector.error('The question is empty or not text.', row.line, 'question');
    else if (typeof choices === 'string') collector.error(choices, row.line, 'choices');
    else {
      const answer = text(row.fields.answerKey)?.toUpperCase();
      if (answer === undefined) collector.error('No gold answer. The published test set hides its answers; use the development set.', row.line, 'answerKey');
      else if (!choices.some((c) => c.label === answer)) collector.error(`The gold answer ${JSON.stringify(row.fields.answerKey)} is no label of the choices (${choices.map((c) => c.label).join(', ')}).`, row.line, 'answerKey');
      else collector.add({ id: parallelId(row, 'xcsqa', place), kind: 'choice', question: stem, answer, choices }, row.line, 'question');
    }
  }
  return out.done();
}

/** The id that translations share: the row's own without its language, or the place. */
function parallelId(row: FileRow, prefix: string, place: number): string {
  const id = text(row.fields.id) ?? text(row.fields.pairID);
  return id === undefined ? `${prefix}-${String(place).padStart(4, '0')}` : `${prefix}-${id}`;
}

function choicesOf(row: FileRow): Choice[] | string {
  const given = fieldOf(row.fields, 'question.choices') ?? row.fields.choices;
  if (Array.isArray(given)) {
    const list = given.map((c: unknown, i): Choice | undefined => {
      const fields = (c !== null && typeof c === 'object' ? c : { text: c }) as Record<string, unknown>;
      const body = text(fields.text);
      return body === undefined ? undefined : { label: (text(fields.label) ?? LABELS[i] ?? '').toUpperCase(), text: body };
    });
    const bad = list.findIndex((c) => c === undefined);
    return bad >= 0 ? `Choice ${bad + 1} has no text.` : list.length < 2 ? 'Fewer than two choices.' : (list as Choice[]);
  }
  const flat = Array.from(LABELS).flatMap((label) => {
    const body = text(row.fields[`choice_${label}`]);
    return body === undefined ? [] : [{ label, text: body }];
  });
  return flat.length < 2 ? 'No choices: neither "choices" nor "choice_A", "choice_B" …' : flat;
}

/**
 * XNLI: `language, gold_label, sentence1, sentence2` as published (TSV or JSON lines, all languages in one file, `pairID` shared by
 * translations), or `premise, hypothesis, label` with 0, 1, 2 for entailment, neutral, contradiction.
 */
export function readXnli(file: SourceFile, language: string | undefined): FileReading[] {
  const out = new ByLanguage(file, language, 'language');
  const { rows, problems } = fileRows(file);
  for (const p of problems) out.none.error(p.message, p.line);
  const counts = new Map<string, number>();
  for (const row of rows) {
    const collector = out.of(row);
    if (!collector) continue;
    const place = (counts.get(collector.language) ?? 0) + 1;
    counts.set(collector.language, place);
    const [first, second] = 'sentence1' in row.fields ? (['sentence1', 'sentence2'] as const) : (['premise', 'hypothesis'] as const);
    const [premise, hypothesis] = [text(row.fields[first]), text(row.fields[second])];
    const label = row.fields.gold_label ?? row.fields.label;
    const answer = relation(label);
    if (premise === undefined) collector.error('The premise is empty or not text.', row.line, first);
    else if (hypothesis === undefined) collector.error('The hypothesis is empty or not text.', row.line, second);
    else if (answer === undefined) collector.error(`The label ${JSON.stringify(label)} is none of ${RELATIONS.join(', ')} (or 0, 1, 2).`, row.line, 'gold_label' in row.fields ? 'gold_label' : 'label');
    else collector.add({ id: parallelId(row, 'xnli', place), kind: 'nli', question: `${premise}\n${hypothesis}`, premise, hypothesis, answer }, row.line, first);
  }
  return out.done();
}

/** A relation by its name or its usual number. */
export function relation(value: unknown): string | undefined {
  const word = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim().toLowerCase() : '';
  return RELATIONS.find((r, i) => r === word || String(i) === word);
}
