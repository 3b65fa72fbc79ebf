import fs from 'node:fs';
import path from 'node:path';
import { aggregate, type Aggregate } from '../../core/analysis/aggregate';
import { fidelityRow } from '../../core/analysis/fidelity';
import { type LanguageIdentifier } from '../../core/analysis/identify';
import { goldClass } from '../../core/scoring';
import { wilson } from '../../core/statistics';
import { type AnswerLanguage, type Estimates, type Outcome, type Page, type PageParams, type ProblemView, type PublishedResult, type SampleLine, type SampleView, type TableRow } from '../../protocol/panels';
import { writtenSamples } from '../../runs/summary';
import { type RunManifest, type RunState, type Sample } from '../../protocol/run';
import { plannedIn } from '../../protocol/shard';
import { isLocked } from '../../runs/lock';
import { readManifestOf, readState, sampleKey, SAMPLES } from '../../runs/store';
import { OtherReadings, publishedFor, RunFloors } from './beside';
import { type RunFacts } from './protocol';

/** What is kept of one line of samples.jsonl: enough for tables and lists, and where the line is. */
interface Entry {
  readonly at: number;
  readonly length: number;
  readonly id: string;
  readonly language: string;
  readonly outcome: Outcome;
  readonly value: string | null;
  readonly gold: string;
  readonly error: Sample['error'];
  readonly tokens: number;
  readonly ms: number;
  readonly promptTokens: number;
  readonly questionTokens: Sample['questionTokens'];
  readonly goldClass: string | undefined;
}

const CHUNK = 4 * 1024 * 1024;

const IDS = Buffer.from(',"tokenIds":[');
const AFTER = Buffer.from('],"stopReason":');
const [COMMA, BRACKET] = [44, 93];

/**
 * A line without its two long arrays of numbers, which are most of it and are not needed here. A quote inside a JSON string is
 * always escaped, so the borders cannot be found inside a text; a line that is laid out otherwise is parsed whole.
 */
function parseLine(data: Buffer, from: number, to: number): { sample: Sample; tokens: number } {
  const start = data.indexOf(IDS, from);
  const end = start < 0 || start >= to ? -1 : data.indexOf(AFTER, start);
  if (end < 0 || end >= to) {
    const sample = JSON.parse(data.toString('utf8', from, to)) as Sample;
    return { sample, tokens: sample.tokenIds?.length ?? 0 };
  }
  let at = start + IDS.length;
  let tokens = data[at] === BRACKET ? 0 : 1;
  for (; data[at] !== BRACKET; at++) if (data[at] === COMMA) tokens += 1;
  return { sample: JSON.parse(data.toString('utf8', from, start) + data.toString('utf8', end + 1, to)) as Sample, tokens };
}

export function outcomeOf(s: Pick<Sample, 'correct' | 'value' | 'stopReason'>): Outcome {
  if (s.stopReason === 'failed') return 'failed';
  if (s.correct) return 'right';
  return s.value === null ? 'unread' : 'wrong';
}

/**
 * Index of one run: reads samples.jsonl once and then only what is appended; whole samples are read from disk when asked for.
 * A last line without its newline waits for the rest of it.
 */
export class RunIndex {
  readonly manifest: RunManifest;
  private readonly rank: ReadonlyMap<string, number>;
  private readonly byLanguage = new Map<string, Map<string, Entry>>();
  private sorted = new Map<string, readonly Entry[]>();
  private read = 0;
  private lines = 0;
  private inode = 0;
  private damaged: number[] = [];
  private found: { readonly key: string; readonly n: number; readonly entries: readonly Entry[] } | undefined;
  private readonly floors = new RunFloors();
  private readonly other: OtherReadings;
  private told: { readonly n: number; readonly result: readonly AnswerLanguage[] } | undefined;
  private estimated: { readonly key: string; readonly result: Estimates } | undefined;

  /** @throws RunError when the folder is not a run or its manifest is damaged */
  constructor(readonly folder: string) {
    this.manifest = readManifestOf(folder);
    this.other = new OtherReadings(folder);
    this.rank = new Map(this.manifest.plan.ids.map((id, i) => [id, i]));
    this.update();
  }

  get size(): number {
    let n = 0;
    for (const entries of this.byLanguage.values()) n += entries.size;
    return n;
  }

  /** Reads what was appended since the last call. */
  update(): void {
    let fd: number;
    try {
      fd = fs.openSync(path.join(this.folder, SAMPLES), 'r');
    } catch {
      this.reset();
      return;
    }
    try {
      const { size, ino } = fs.fstatSync(fd);
      if (size < this.read || (this.inode !== 0 && ino !== this.inode)) this.reset();
      this.inode = ino;
      let rest: Buffer = Buffer.alloc(0);
      let at = this.read;
      while (at < size) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size - at));
        const n = fs.readSync(fd, chunk, 0, chunk.length, at);
        if (n === 0) break;
        at += n;
        rest = this.take(rest.length === 0 ? chunk.subarray(0, n) : Buffer.concat([rest, chunk.subarray(0, n)]));
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  private reset(): void {
    this.byLanguage.clear();
    this.floors.clear();
    this.sorted.clear();
    this.read = 0;
    this.lines = 0;
    this.inode = 0;
    this.damaged = [];
    this.found = undefined;
  }

  /** Takes the whole lines of a piece that starts at `read`; gives back what is left of the last one. */
  private take(data: Buffer): Buffer {
    let at = 0;
    for (let stop = data.indexOf(10); stop >= 0; stop = data.indexOf(10, at)) {
      this.lines += 1;
      this.line(data, at, stop);
      at = stop + 1;
    }
    this.read += at;
    return data.subarray(at);
  }

  private line(data: Buffer, from: number, to: number): void {
    if (to - from < 3 && data.toString('utf8', from, to).trim() === '') return;
    let s: Sample;
    let tokens: number;
    try {
      ({ sample: s, tokens } = parseLine(data, from, to));
      if (typeof s.id !== 'string' || typeof s.language !== 'string') throw new Error('no id');
    } catch {
      this.damaged.push(this.lines);
      return;
    }
    let entries = this.byLanguage.get(s.language);
    if (!entries) this.byLanguage.set(s.language, (entries = new Map()));
    entries.set(s.id, {
      at: this.read + from, length: to - from, id: s.id, language: s.language, outcome: outcomeOf(s),
      value: s.value === null || s.value === undefined ? null : String(s.value),
      gold: String(s.gold), error: s.error ?? null, tokens, ms: s.ms ?? 0,
      promptTokens: s.encoderTokens > 0 ? s.encoderTokens : (s.promptTokens ?? 0), questionTokens: s.questionTokens, goldClass: goldClass(s),
    });
    this.floors.add(s);
    this.sorted.delete(s.language);
    this.found = undefined;
  }

  /** Entries of a language in the order of the run's plan. */
  private entries(language: string): readonly Entry[] {
    let list = this.sorted.get(language);
    if (!list) {
      const last = this.rank.size;
      list = [...(this.byLanguage.get(language)?.values() ?? [])].sort((a, b) => (this.rank.get(a.id) ?? last) - (this.rank.get(b.id) ?? last) || (a.id < b.id ? -1 : 1));
      this.sorted.set(language, list);
    }
    return list;
  }

  facts(): RunFacts {
    const state = readState(this.folder) ?? null;
    return { folder: this.folder, manifest: this.manifest, state, locked: isLocked(this.folder), rows: this.rows(state), done: this.size, damagedLines: this.damaged.length };
  }

  private rows(state: RunState | null): TableRow[] {
    const { languages } = this.manifest.plan;
    const english = this.byLanguage.get('en');
    const extra = [...this.byLanguage.keys()].filter((l) => !languages.includes(l));
    return [...languages, ...extra].map((language): TableRow => {
      const entries = this.byLanguage.get(language);
      const count = { right: 0, wrong: 0, unread: 0, failed: 0 };
      let [tokens, ms, answered, wrongLanguage, truncated] = [0, 0, 0, 0, 0];
      const [fertility, lm] = [{ own: 0, twin: 0 }, { own: 0, twin: 0 }];
      for (const e of entries?.values() ?? []) {
        count[e.outcome] += 1;
        if (e.error === 'wrong-language') wrongLanguage += 1;
        if (e.error === 'truncated') truncated += 1;
        if (e.outcome === 'failed') continue;
        answered += 1;
        tokens += e.tokens;
        ms += e.ms;
        add(fertility, readTokens(e), english?.get(e.id) ? readTokens(english.get(e.id)!) : undefined);
        add(lm, e.questionTokens?.[0], english?.get(e.id)?.questionTokens?.[0]);
      }
      const n = entries?.size ?? 0;
      return {
        language, n, total: plannedIn(this.manifest.plan, language), correct: count.right,
        accuracy: n === 0 ? 0 : count.right / n,
        interval: n === 0 ? [0, 1] : [...wilson(count.right, n)],
        unread: count.unread, failed: count.failed, wrongLanguage, truncated,
        tokensPerQuestion: answered === 0 ? null : tokens / answered,
        msPerQuestion: answered === 0 ? null : ms / answered,
        fertility: ratioOf(fertility), lmFertility: ratioOf(lm),
        cancelled: state?.cancelledLanguages?.includes(language) ?? false,
      };
    });
  }

  /** Lines of one language that fit the filter, `count` from `offset`. `find` reads the samples from disk and is kept for the next page. */
  page(params: PageParams): Page {
    const wanted = new Set(params.outcomes);
    let entries = this.entries(params.language);
    if (wanted.size > 0) entries = entries.filter((e) => wanted.has(e.outcome));
    if (params.disagrees) {
      const other = this.other.of(params.disagrees);
      entries = entries.filter((e) => (other?.get(sampleKey(e))?.correct ?? e.outcome === 'right') !== (e.outcome === 'right'));
    }
    const needle = params.find.trim().toLowerCase();
    if (needle !== '') {
      const key = JSON.stringify([params.language, [...wanted].sort(), params.disagrees ?? '', needle]);
      if (this.found?.key !== key || this.found.n !== entries.length) this.found = { key, n: entries.length, entries: this.search(entries, needle) };
      entries = this.found.entries;
    }
    const offset = Math.max(0, Math.min(params.offset, entries.length));
    return { total: entries.length, offset, lines: entries.slice(offset, offset + Math.max(0, Math.min(params.count, 1000))).map(toLine) };
  }

  private search(entries: readonly Entry[], needle: string): Entry[] {
    const fd = fs.openSync(path.join(this.folder, SAMPLES), 'r');
    try {
      return entries.filter((e) => {
        if (e.id.toLowerCase().includes(needle) || e.value?.toLowerCase() === needle) return true;
        const s = this.sampleAt(fd, e);
        return s.question.toLowerCase().includes(needle) || s.completion.toLowerCase().includes(needle);
      });
    } finally {
      fs.closeSync(fd);
    }
  }

  private sampleAt(fd: number, e: Entry): Sample {
    const data = Buffer.allocUnsafe(e.length);
    fs.readSync(fd, data, 0, e.length, e.at);
    return JSON.parse(data.toString('utf8')) as Sample;
  }

  /** The whole sample from disk; undefined when the run does not have it (yet). */
  sample(language: string, id: string): Sample | undefined {
    const entry = this.byLanguage.get(language)?.get(id);
    if (!entry) return undefined;
    const fd = fs.openSync(path.join(this.folder, SAMPLES), 'r');
    try {
      return this.sampleAt(fd, entry);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** A sample as other scorers have read it. */
  others(language: string, id: string): SampleView['others'] {
    return this.other.all().flatMap(({ scorer, scores }) => {
      const s = scores.get(sampleKey({ language, id }));
      return s ? [{ scorer, correct: s.correct, value: s.value === null ? null : String(s.value), reading: s.reading }] : [];
    });
  }

  private published(): readonly PublishedResult[] {
    return publishedFor(this.manifest);
  }

  problem(id: string): ProblemView {
    const outcomes = this.manifest.plan.languages.map((language) => {
      const entry = this.byLanguage.get(language)?.get(id);
      return { language, line: entry ? toLine(entry) : null };
    });
    return { id, gold: outcomes.find((o) => o.line)?.line?.gold ?? '', outcomes };
  }

  /** Languages and scripts of the answers. Other requests are answered between two languages; cancelled, it gives up. */
  async fidelity(identifier: LanguageIdentifier, token: { readonly isCancellationRequested: boolean }): Promise<readonly AnswerLanguage[]> {
    const n = this.size;
    if (this.told?.n === n) return this.told.result;
    const result: AnswerLanguage[] = [];
    const fd = fs.openSync(path.join(this.folder, SAMPLES), 'r');
    try {
      for (const [language, entries] of [...this.byLanguage]) {
        const answers = writtenSamples([...entries.values()].map((e) => this.sampleAt(fd, e)));
        const { identified, ownScript, own, english, switchRate } = fidelityRow(language, answers, identifier);
        result.push({ language, identified, ownScript, own, english, switchRate });
        await new Promise((resolve) => setImmediate(resolve));
        if (token.isCancellationRequested) throw new Error('cancelled');
      }
    } finally {
      fs.closeSync(fd);
    }
    this.told = { n, result };
    return result;
  }

  /** Group means and transfer gaps with bootstrap intervals; computed again only when there are more samples. */
  estimates(): Estimates {
    const n = this.size;
    const key = `${n} ${this.other.stamp()}`;
    if (this.estimated?.key === key) return this.estimated.result;
    const rows = [...this.byLanguage].flatMap(([language, entries]) =>
      [...entries.values()].map((e) => ({ ...(e.goldClass === undefined ? {} : { goldClass: e.goldClass }), language, id: e.id, correct: e.outcome === 'right', value: e.value, error: e.error, newTokens: e.tokens, ms: e.ms })),
    );
    if (n === 0) return { n: 0, groups: [], gaps: [], languages: [], published: this.published(), rescored: [], resamples: 0, seed: 1 };
    const total = aggregate(rows, { seed: this.manifest.plan.seed, floors: this.floors.best() });
    const others = total.reference === undefined ? undefined : total.overall.gap;
    const result: Estimates = {
      n,
      groups: [
        ...total.groups.map((g) => ({ by: g.by, key: g.key, languages: g.languages.length, ...groupEstimate(g) })),
        { by: 'all' as const, key: 'all', languages: total.languages.length, ...groupEstimate(total.overall) },
      ],
      gaps: [
        ...(others ? [{ language: null, mean: others.mean, interval: pair(others.interval) }] : []),
        ...total.languages.flatMap((l) => (l.gap ? [{ language: l.language, mean: l.gap.mean, interval: pair(l.gap.interval) }] : [])),
      ],
      languages: total.languages.map((l) => ({
        language: l.language,
        floor: l.floor ? { name: l.floor.name, share: l.floor.share, above: l.aboveFloor === true } : null,
        balanced: l.balanced ? { mean: l.balanced.mean, interval: pair(l.balanced.interval) } : null,
        conditional: l.conditional && l.conditional.n > 0 ? { share: l.conditional.share, n: l.conditional.n, interval: pair(l.conditional.interval) } : null,
      })),
      published: this.published(),
      rescored: this.other.sums(rows),
      resamples: total.bootstrap.resamples,
      seed: total.bootstrap.seed,
    };
    this.estimated = { key, result };
    return result;
  }
}

const groupEstimate = (g: Aggregate['overall']) => ({ mean: g.mean, interval: pair(g.interval), balanced: g.balanced?.mean ?? null, floor: g.floor ?? null, above: g.aboveFloor === true });
const pair = (x: readonly number[]): [number, number] => [x[0]!, x[1]!];
/** Tokens of a question by the tokenizer that reads it: the encoder's where there is one. */
const readTokens = (e: Entry): number => e.questionTokens?.[1] ?? e.questionTokens?.[0] ?? e.promptTokens;

interface TokenSums {
  own: number;
  twin: number;
}

function add(sums: TokenSums, own: number | undefined, twin: number | undefined): void {
  if (!own || !twin) return;
  sums.own += own;
  sums.twin += twin;
}

const ratioOf = ({ own, twin }: TokenSums): number | null => (twin === 0 ? null : own / twin);

const toLine = (e: Entry): SampleLine => ({ id: e.id, language: e.language, outcome: e.outcome, value: e.value, gold: e.gold, error: e.error });

