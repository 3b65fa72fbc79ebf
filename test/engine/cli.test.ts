import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type Sample } from '../../src/protocol/run';
import { readSamples, sampleKey } from '../../src/runs/store';
import { copyBundle } from '../helpers/bundles';
import { assertSameSamples, cli, cliAll, type Finished, lineCount, startCli, until } from '../helpers/cli';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

const run = (out: string, ...more: string[]): string[] => ['evaluate', '--bundle', TINY, '--benchmark', 'lift48', '--languages', 'en,sw', '--limit', '3', '--max-new-tokens', '12', '--threads', '1', '--out', out, ...more];

const out = (name = 'run'): string => path.join(temporaryFolder('cli'), name);

interface Summary {
  readonly run: { readonly id: string; readonly folder: string; readonly fingerprint: string; readonly status: string; readonly done: number; readonly total: number };
  readonly bundle: Readonly<Record<string, string>>;
  readonly benchmark: Readonly<Record<string, unknown>>;
  readonly languages: Readonly<Record<string, { readonly n: number; readonly correct: number; readonly accuracy: number; readonly interval: readonly number[] }>>;
  readonly groups: Readonly<Record<string, { readonly n: number; readonly mean: number; readonly interval: readonly number[]; readonly languages: readonly string[] }>>;
  readonly tokensPerSecond: number;
}

/** Standard output must be one JSON value on one line and nothing else. */
function oneJson(result: Finished): unknown {
  assert.match(result.stdout, /^[[{][^\n]*\n$/, result.stderr);
  return JSON.parse(result.stdout);
}

describe('CLI: evaluate', function () {
  this.timeout(60_000);
  let folder: string;
  let first: Finished;

  before(async () => {
    folder = out();
    first = await cli(run(folder, '--json'));
    assert.equal(first.code, 0, first.stderr);
  });

  it('--json prints the summary of the contract and nothing else', () => {
    const s = oneJson(first) as Summary;
    assert.deepEqual(Object.keys(s).filter((k) => ['run', 'bundle', 'benchmark', 'languages', 'groups', 'tokensPerSecond'].includes(k)).sort(), ['benchmark', 'bundle', 'groups', 'languages', 'run', 'tokensPerSecond']);
    assert.deepEqual([s.run.status, s.run.done, s.run.total, s.run.folder], ['finished', 6, 6, folder]);
    assert.match(s.run.fingerprint, /^[0-9a-f]{64}$/);
    assert.ok(s.run.id.startsWith(s.run.fingerprint.slice(0, 12)));
    assert.deepEqual([s.bundle.name, s.bundle.precision, s.bundle.method], ['tiny', 'fp32', 'lingualift']);
    assert.deepEqual([s.benchmark.name, s.benchmark.seed, s.benchmark.sampling], ['lift48', 1, 'random']);
    assert.deepEqual(Object.keys(s.languages).sort(), ['en', 'sw']);
    for (const l of Object.values(s.languages)) {
      assert.equal(l.n, 3);
      assert.equal(l.accuracy, l.correct / 3);
      assert.ok(l.interval.length === 2 && l.interval[0]! <= l.accuracy && l.accuracy <= l.interval[1]! && l.interval[0]! >= 0 && l.interval[1]! <= 1);
    }
    assert.deepEqual(Object.keys(s.groups).sort(), ['all', 'high', 'low']);
    assert.deepEqual([s.groups.all!.languages.length, s.groups.low!.languages, s.groups.all!.interval.length], [2, ['sw'], 2]);
    assert.ok(s.tokensPerSecond > 0);
  });

  it('--out receives manifest.json and samples.jsonl with the fields of the contract', () => {
    assert.ok(['manifest.json', 'samples.jsonl', 'state.json'].every((f) => fs.existsSync(path.join(folder, f))));
    assert.ok(!fs.existsSync(path.join(folder, 'run.lock')));
    const lines = fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l) as Record<string, unknown>);
    assert.equal(lines.length, 6);
    const types: Record<string, (v: unknown) => boolean> = {
      id: (v) => typeof v === 'string', language: (v) => v === 'en' || v === 'sw', question: (v) => typeof v === 'string' && v.length > 10, prompt: (v) => typeof v === 'string' && v.length > 10,
      completion: (v) => typeof v === 'string', tokenIds: (v) => Array.isArray(v) && v.every(Number.isInteger), tokenLogprobs: (v) => Array.isArray(v) && v.every((x) => typeof x === 'number' && x <= 0),
      stopReason: (v) => ['eos', 'length', 'stop-string'].includes(v as string), gold: (v) => typeof v === 'string', value: (v) => v === null || typeof v === 'number', span: (v) => v === null || (Array.isArray(v) && v.length === 2),
      correct: (v) => typeof v === 'boolean', scorer: (v) => /^locale\/\d+$/.test(v as string), ms: (v) => typeof v === 'number' && v >= 0,
    };
    for (const line of lines) for (const [field, is] of Object.entries(types)) assert.ok(field in line && is(line[field]), `${field}: ${JSON.stringify(line[field])}`);
    for (const line of lines) {
      assert.equal((line.tokenIds as unknown[]).length, (line.tokenLogprobs as unknown[]).length);
      if (line.span) assert.ok((line.completion as string).slice(...(line.span as [number, number])).length > 0);
    }
    const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as { format: string; environment: Record<string, unknown> };
    assert.equal(manifest.format, 'lift-run/1');
    assert.deepEqual(Object.keys(manifest.environment).sort(), ['backend', 'benchmark', 'bundle', 'calculator', 'generation', 'prompt', 'scorer']);
  });

  it('the same command again resumes: nothing is asked twice, the summary is the same', async () => {
    const again = await cli(run(folder, '--json'));
    assert.equal(again.code, 0);
    const [a, b] = [oneJson(first) as Summary, oneJson(again) as Summary];
    assert.deepEqual([b.run.id, b.languages, b.groups], [a.run.id, a.languages, a.groups]);
    assert.equal(lineCount(path.join(folder, 'samples.jsonl')), 6);
  });

  it('a torn last line and a damaged middle line are computed again', async () => {
    const whole = readSamples(folder).samples;
    const copy = out();
    fs.cpSync(folder, copy, { recursive: true });
    const file = path.join(copy, 'samples.jsonl');
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
    lines[1] = lines[1]!.slice(0, 30);
    fs.writeFileSync(file, lines.join('\n').slice(0, -20));
    const again = await cli(run(copy));
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /Damaged lines in samples\.jsonl were computed again: 2/);
    assertSameSamples(readSamples(copy).samples, whole);
  });

  it('without --json: the table on standard output, everything else on standard error', async () => {
    const result = await cli(run(folder));
    assert.equal(result.code, 0);
    assert.match(result.stdout, /^\s+language\s+class\s+correct\s+acc %/);
    assert.match(result.stdout, /^sw\s+Swahili\s+low\s+\d\/3/m);
    assert.ok(!/Engine:|Run folder|Loading/.test(result.stdout));
    assert.match(result.stderr, /Engine: cpu .*\n/);
    assert.match(result.stderr, /6 items were already there/);
  });

  it('a default run folder has the name of its settings, and is found again', async () => {
    const cwd = temporaryFolder('cwd');
    const args = run('x', '--limit', '1', '--json').filter((a, i, all) => a !== '--out' && all[i - 1] !== '--out');
    const [a, b] = [await cli(args, { cwd }), await cli(args, { cwd })];
    const [x, y] = [oneJson(a) as Summary, oneJson(b) as Summary];
    assert.match(path.relative(cwd, x.run.folder), /^runs.tiny-fp32\.lift48\.[0-9a-f]{12}$/);
    assert.equal(x.run.id, y.run.id);
  });

  it('another setting in the same folder is refused with exit code 4 and what differs', async () => {
    const result = await cli(run(folder, '--max-new-tokens', '13'));
    assert.deepEqual([result.code, result.stdout], [4, '']);
    assert.match(result.stderr, /holds another run \(generation\.maxNewTokens: 12 there, 13 now\)/);
  });

  const wrong: [string, string[], RegExp][] = [
    ['language', ['--languages', 'en,xx'], /Language "xx" is not in this benchmark/],
    ['benchmark', ['--benchmark', 'nope'], /There is no benchmark "nope"/],
    ['bundle', ['--bundle', 'nowhere'], /There is no lift\.json/],
    ['precision', ['--precision', 'fp64'], /Unknown precision "fp64"/],
    ['precision that the bundle lacks', ['--precision', 'int4'], /has no int4; it has fp32, int8/],
    ['provider', ['--provider', 'tpu'], /--provider must be auto, cpu or cuda, not "tpu"/],
    ['sampling', ['--sampling', 'best'], /--sampling must be random, stratified, /],
    ['scorer', ['--scorer', 'magic'], /no scorer "magic"/],
    ['template', ['--template', 'magic'], /Unknown prompt template "magic"/],
    ['ids', ['--ids', 'nope'], /Unknown problem id "nope"/],
    ['limit', ['--limit', 'three'], /--limit must be a whole number, not "three"/],
    ['limit of zero', ['--limit', '0'], /limit must be a whole number of at least 1/],
    ['batch', ['--batch', '0'], /batch must be a whole number from 1 to 1024/],
    ['processes', ['--processes', '0'], /processes.*not 0/],
    ['option', ['--langauges', 'en'], /Unknown option '--langauges'/],
    ['argument', ['sw'], /"sw" is not an option\. Lists are written without spaces/],
    ['option without value', ['--seed'], /--seed/],
  ];
  it('wrong input ends with exit code 2, one line in words, and nothing on standard output', async () => {
    const results = await cliAll(wrong.map(([, more]) => run(out(), ...more)));
    results.forEach((result, i) => {
      const [what, , words] = wrong[i]!;
      assert.deepEqual([result.code, result.stdout], [2, ''], `${what}: ${result.stderr}`);
      assert.match(result.stderr, words, what);
      assert.match(result.stderr, /^lingualift: [^\n]+\n$/, what);
    });
  });

  it('a missing bundle or benchmark option, an unknown command, and none', async () => {
    for (const [args, words] of [[['evaluate'], /--bundle is missing/], [['evaluate', '--bundle', TINY], /--benchmark is missing/], [['evaluat'], /Unknown command "evaluat"\. Known: evaluate/], [['constructor'], /Unknown command "constructor"/]] as const) {
      const result = await cli(args);
      assert.deepEqual([result.code, result.stdout], [2, ''], args.join(' '));
      assert.match(result.stderr, words);
    }
    assert.equal((await cli([])).code, 2);
  });

  it('a damaged bundle is refused before anything is loaded', async () => {
    const dir = copyBundle();
    fs.truncateSync(path.join(dir, 'fp32', 'embed.data'), 10);
    const result = await cli(run(out(), '--bundle', dir));
    assert.equal(result.code, 2);
    assert.match(result.stderr, /"fp32\/embed\.data" is truncated: 10 bytes, the manifest says 49152/);
  });

  it('a path through a file ends with exit code 3', async () => {
    const file = out('file');
    fs.writeFileSync(file, '');
    const result = await cli(run(path.join(file, 'run')));
    assert.equal(result.code, 3, result.stderr);
    assert.match(result.stderr, /Could not make the run folder .*: a part of the path is a file/);
  });

  it('a disk that fills up ends with exit code 3; with more room the same command finishes', async function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      console.log('      skipped: a small file system can only be mounted by root on Linux');
      return this.skip();
    }
    const mount = temporaryFolder('disk');
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', mount]).status !== 0) {
      console.log('      skipped: mounting a file system is not permitted here');
      return this.skip();
    }
    try {
      const target = path.join(mount, 'run');
      const full = await cli(run(target, '--limit', '30'));
      assert.equal(full.code, 3, full.stderr);
      assert.match(full.stderr, /the disk is full\. Free some space and run the same command again/);
      execFileSync('mount', ['-o', 'remount,size=8m', mount]);
      const again = await cli(run(target, '--limit', '30', '--json'));
      assert.equal(again.code, 0, again.stderr);
      assert.equal((oneJson(again) as Summary).run.done, 60);
      assert.equal(new Set(readSamples(target).samples.map(sampleKey)).size, 60);
    } finally {
      execFileSync('umount', [mount]);
    }
  });

  it('Ctrl-C: exit code 130, what is finished is kept, a second writer is refused meanwhile, and the same command finishes', async () => {
    const target = out();
    const args = [...run(target), '--languages', 'en,sw,th,zh', '--limit', '40', '--max-new-tokens', '300', '--batch', '4', '--json'];
    const running = await startCli(args);
    await until('some samples are written', () => lineCount(path.join(target, 'samples.jsonl')) >= 4);
    const second = await cli(args);
    assert.deepEqual([second.code, second.stdout], [4, ''], second.stderr);
    assert.match(second.stderr, new RegExp(`Another process \\(${running.child.pid} on `));
    // A terminal sends the signal to the whole group, the engine included.
    process.kill(-running.child.pid!, 'SIGINT');
    const stopped = await running.finished;
    assert.equal(stopped.code, 130, stopped.stderr);
    const s = oneJson(stopped) as Summary;
    assert.equal(s.run.status, 'cancelled');
    const kept = readSamples(target).samples;
    assert.ok(kept.length >= 4 && kept.length < 160 && s.run.done === kept.length);
    assert.ok(kept.every((x) => x.stopReason !== 'failed'), 'what was in flight is not recorded as failed');
    const shown = oneJson(await cli(['runs', 'show', target, '--json'])) as Summary;
    assert.equal(shown.run.status, 'cancelled');
    const again = await cli(args);
    assert.equal(again.code, 0, again.stderr);
    const all = readSamples(target).samples;
    assert.equal(all.length, 160);
    assertSameSamples(all.slice(0, kept.length), kept);
  });
});

describe('CLI: the other commands', function () {
  this.timeout(60_000);
  let runs: string;

  before(async () => {
    runs = temporaryFolder('runs');
    for (const [name, more] of [['a', []], ['b', ['--precision', 'int8']], ['c', ['--ids', 'lift48-01']]] as const) {
      const result = await cli(run(path.join(runs, name), ...more).filter((a, i, all) => name !== 'c' || (a !== '--limit' && all[i - 1] !== '--limit')));
      assert.equal(result.code, 0, result.stderr);
    }
  });

  it('--help everywhere: exit code 0, on standard output', async () => {
    const pages = [[], ['evaluate'], ['bundle'], ['bundle', 'build'], ['bundle', 'inspect'], ['bundle', 'verify'], ['runs'], ['runs', 'list'], ['runs', 'show'], ['score'], ['compare'], ['report'], ['check-benchmarks'], ['doctor']];
    const results = await cliAll(pages.map((page) => [...page, '--help']));
    for (const [i, page] of pages.entries()) {
      const result = results[i]!;
      assert.deepEqual([result.code, result.stderr], [0, ''], page.join(' '));
      assert.match(result.stdout, /^lingualift /, page.join(' '));
    }
    assert.match((await cli(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
    const options = ['bundle', 'benchmark', 'languages', 'limit', 'seed', 'ids', 'precision', 'batch', 'max-new-tokens', 'scorer', 'provider', 'out', 'json'];
    const help = (await cli(['evaluate', '--help'])).stdout;
    for (const name of options) assert.ok(help.includes(`--${name}`), name);
  });

  it('bundle verify: right, and wrong with what to do', async () => {
    const good = oneJson(await cli(['bundle', 'verify', TINY, '--json'])) as { valid: boolean; issues: unknown[] };
    assert.deepEqual([good.valid, good.issues], [true, []]);
    assert.match((await cli(['bundle', 'verify', TINY_TEXT])).stdout, /^✓ tiny-text: valid, \d+ files, every hash is right\n$/);
    const dir = copyBundle();
    const file = path.join(dir, 'int8', 'embed.data');
    const data = fs.readFileSync(file);
    data[5]! ^= 8;
    fs.writeFileSync(file, data);
    const bad = await cli(['bundle', 'verify', dir]);
    assert.equal(bad.code, 2);
    assert.match(bad.stdout, /^✗ "int8\/embed\.data" was changed: .*\n {2}Export the bundle again/);
    const json = await cli(['bundle', 'verify', dir, '--json']);
    assert.equal(json.code, 2);
    assert.equal((oneJson(json) as { issues: { code: string }[] }).issues[0]!.code, 'hash');
    assert.equal((await cli(['bundle', 'verify', temporaryFolder()])).code, 2);
    assert.equal((await cli(['bundle', 'verify'])).code, 2);
    assert.equal((await cli(['bundle', 'frobnicate'])).code, 2);
  });

  it('bundle inspect says what a bundle is made of', async () => {
    const text = await cli(['bundle', 'inspect', TINY]);
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^tiny\n/);
    assert.match(text.stdout, /encoder\s+bert, 2 layers × 32/);
    assert.match(text.stdout, /alignment layer\s+mlp 32 → 32, boundary start \+ end/);
    assert.match(text.stdout, /merge\s+concat: bos ▸ start ▸ enc ▸ end ▸ instruction/);
    const json = oneJson(await cli(['bundle', 'inspect', TINY_TEXT, '--json'])) as { valid: boolean; method: string; precisions: string[]; fingerprints: Record<string, string> };
    assert.deepEqual([json.valid, json.method, json.precisions, Object.keys(json.fingerprints)], [true, 'text', ['fp32', 'int8', 'int4'], ['fp32', 'int8', 'int4']]);
    assert.equal(new Set(Object.values(json.fingerprints)).size, 3);
  });

  it('runs list and show', async () => {
    const list = oneJson(await cli(['runs', 'list', '--runs', runs, '--json'])) as { folder: string; status: string; done: number; total: number }[];
    assert.deepEqual(list.map((r) => [r.folder, r.status, r.done, r.total]).sort(), [['a', 'finished', 6, 6], ['b', 'finished', 6, 6], ['c', 'finished', 2, 2]]);
    assert.match((await cli(['runs', 'list', '--runs', runs])).stdout, /^run\s+status.*\n.*\n[abc]\s+finished\s+tiny \((?:fp32|int8)\)\s+LIFT-48\s+\d\/\d/);
    const show = oneJson(await cli(['runs', 'show', 'a', '--runs', runs, '--json'])) as Summary & { plan: { seed: number } };
    assert.deepEqual([show.run.status, show.plan.seed, Object.keys(show.languages)], ['finished', 1, ['en', 'sw']]);
    assert.equal((await cli(['runs', 'show', path.join(runs, 'a')])).code, 0);
    for (const args of [['runs', 'show', 'zzz', '--runs', runs], ['runs', 'show'], ['runs'], ['runs', 'burn']]) assert.equal((await cli(args)).code, 2, args.join(' '));
    const empty = await cli(['runs', 'list', '--runs', temporaryFolder()]);
    assert.deepEqual([empty.code, empty.stdout], [0, '']);
  });

  it('score reads lines on standard input and writes each back with its score', async () => {
    const rows = [
      { language: 'en', completion: 'The answer is 1,250.', gold: '1250', note: 'kept' },
      { language: 'de', completion: 'Die Antwort ist 1.250.', gold: 1250 },
      { language: 'en', completion: 'I do not know.', gold: '3' },
    ];
    const result = await cli(['score', '--scorer', 'locale'], { input: rows.map((r) => JSON.stringify(r)).join('\n\n') + '\n' });
    assert.equal(result.code, 0, result.stderr);
    const scored = result.stdout.trimEnd().split('\n').map((l) => JSON.parse(l) as Sample & { note?: string });
    assert.deepEqual(scored.map((s) => [s.correct, s.value]), [[true, 1250], [true, 1250], [false, null]]);
    assert.equal(scored[0]!.note, 'kept');
    assert.equal(scored[0]!.completion.slice(...scored[0]!.span!), '1,250');
    for (const [input, words] of [['{', /Line 1 is not JSON/], ['{"completion": 1, "gold": "1"}', /Line 1: "completion" must be text/], [`${JSON.stringify(rows[0])}\n{"completion": "x"}`, /Line 2: "gold" must be/], ['null', /Line 1/]] as const) {
      const bad = await cli(['score'], { input });
      assert.equal(bad.code, 2, `${input}: ${bad.stderr}`);
      assert.match(bad.stderr, words);
    }
    assert.equal((await cli(['score', '--scorer', 'magic'], { input: '' })).code, 2);
  });

  it('score --run scores a run again without the model', async () => {
    const result = oneJson(await cli(['score', '--run', path.join(runs, 'a'), '--scorer', 'harness', '--json'])) as { n: number; scorer: string; before: string };
    assert.deepEqual([result.n, result.scorer.split('/')[0], result.before.split('/')[0]], [6, 'harness', 'locale']);
  });

  it('compare pairs two runs, and refuses what was not asked alike', async () => {
    const both = oneJson(await cli(['compare', path.join(runs, 'a'), path.join(runs, 'b'), '--json'])) as { languages: { language: string; n: number }[]; fingerprints: string[] };
    assert.deepEqual(both.languages.map((l) => [l.language, l.n]).sort(), [['en', 3], ['sw', 3]]);
    assert.equal(new Set(both.fingerprints).size, 2);
    assert.match((await cli(['compare', path.join(runs, 'a'), path.join(runs, 'b')])).stdout, /sw\s+Swahili/);
    const refused = await cli(['compare', path.join(runs, 'a'), path.join(runs, 'c')]);
    assert.deepEqual([refused.code, refused.stdout], [4, ''], refused.stderr);
    assert.equal((await cli(['compare', path.join(runs, 'a')])).code, 2);
    assert.equal((await cli(['compare', path.join(runs, 'a'), path.join(runs, 'b'), '--correction', 'none'])).code, 2);
  });

  it('a closed pipe on standard output is no error', async () => {
    const { child, finished } = await startCli(['bundle', 'inspect', TINY]);
    child.stdout!.destroy();
    const { code, stderr } = await finished;
    assert.deepEqual([code, stderr], [0, '']);
  });
});
