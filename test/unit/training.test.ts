import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promptTemplate } from '../../src/core/prompts';
import { trainingAction } from '../../src/extension/panels/training-params';
import { chainTasks, checkTask, configHead, launchOf, PROBLEM_MATCHER, PROBLEM_PATTERN, TASK_TYPE, taskName, type Tools, type TrainingTask } from '../../src/extension/tasks/definition';
import { listTrainings } from '../../src/extension/worker/trainings';
import { STAGES, TASK_KINDS } from '../../src/protocol/training';
import { setUpPython } from '../../src/runs/python';
import { MetricsReader, trainingInfo, trainingView } from '../../src/runs/training';

const ROOT = path.resolve(__dirname, '..', '..');

interface Contributes {
  readonly taskDefinitions: readonly { readonly type: string; readonly required: readonly string[]; readonly properties: Readonly<Record<string, { readonly enum?: readonly string[] }>> }[];
  readonly problemMatchers: readonly { readonly name: string; readonly pattern: { readonly regexp: string; readonly file: number; readonly line: number; readonly severity: number; readonly message: number } }[];
  readonly yamlValidation: readonly { readonly url: string }[];
}
const { contributes } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { contributes: Contributes };

describe('task type lingualift', () => {
  const tools: Tools = { python: '/py/bin/python', trainingFolder: '/ext/training', node: '/usr/bin/node', cli: '/ext/dist/cli.js', runsFolder: '/w/runs', hub: false };

  it('is declared in package.json with the kinds and fields that are checked', () => {
    const [definition] = contributes.taskDefinitions;
    assert.deepEqual([definition!.type, definition!.required], [TASK_TYPE, ['kind']]);
    assert.deepEqual(definition!.properties.kind!.enum, TASK_KINDS);
    for (const field of Object.keys(definition!.properties).filter((f) => f !== 'kind')) assert.throws(() => checkTask({ type: TASK_TYPE, kind: 'lexicon', config: 'a.yaml', [field]: {} }), new RegExp(`"${field}"`), field);
  });

  it('refuses what no program could be started from, naming the field', () => {
    const task = (more: object): TrainingTask => checkTask({ type: TASK_TYPE, kind: 'stage1', config: 'a.yaml', ...more });
    assert.equal(task({}).config, 'a.yaml');
    assert.throws(() => task({ kind: 'stage3' }), /"kind" must be one of lexicon, .*not "stage3"/);
    assert.throws(() => task({ config: undefined }), /needs "config"/);
    assert.throws(() => task({ bundle: 'b' }), /"bundle" has no meaning for kind "stage1"; it belongs to export, evaluate/);
    assert.throws(() => task({ shell: 'rm' }), /"shell" is not a field/);
    assert.throws(() => task({ constructor: 'x' }), /"constructor" is not a field/);
    assert.throws(() => task({ kind: 'export', checkpoint: 1.5 }), /"checkpoint" must be a whole number/);
    assert.throws(() => task({ kind: 'evaluate', config: undefined, bundle: 'b' }), /needs "bundle" and "benchmark"/);
  });

  it('starts programs with arguments that no shell reads', () => {
    const odd = 'runs/$(touch x) "a" ; b.yaml';
    const stage = launchOf({ type: TASK_TYPE, kind: 'stage1', config: odd, output: 'o', restart: true }, tools);
    assert.deepEqual([stage.program, ...stage.args], ['/py/bin/python', '-m', 'lingualift_training', 'stage1', odd, '--output', 'o', '--restart']);
    assert.ok(stage.env.PYTHONPATH!.startsWith('/ext/training') && stage.env.HF_HUB_OFFLINE === '1');
    assert.equal(launchOf({ type: TASK_TYPE, kind: 'stage1', config: odd }, { ...tools, hub: true }).env.HF_HUB_OFFLINE, undefined);
    const made = launchOf({ type: TASK_TYPE, kind: 'export', config: 'a.yaml', bundle: 'b', checkpoint: 0 }, tools);
    assert.deepEqual(made.args.slice(2), ['export', 'a.yaml', '--bundle', 'b', '--checkpoint', '0']);
    const run = launchOf({ type: TASK_TYPE, kind: 'evaluate', bundle: 'b', benchmark: 'lift48', languages: 'en,sw', limit: 2 }, tools);
    const calculating = launchOf({ type: TASK_TYPE, kind: 'evaluate', bundle: 'b', benchmark: 'lift48', mode: 'generate', calculator: true }, tools);
    assert.deepEqual(calculating.args.slice(-3), ['--mode', 'generate', '--calculator']);
    assert.deepEqual([run.program, ...run.args], ['/usr/bin/node', '/ext/dist/cli.js', 'evaluate', '--runs', '/w/runs', '--bundle', 'b', '--benchmark', 'lift48', '--languages', 'en,sw', '--limit', '2']);
  });

  it('is written as a chain in which each task waits for the one before it', () => {
    const links = (['stage1', 'stage2', 'export'] as const).map((kind) => ({ label: kind, task: { type: TASK_TYPE, kind, config: 'a.yaml' } as TrainingTask }));
    const tasks = chainTasks(links) as readonly { label: string; kind: string; dependsOn?: string; dependsOrder?: string; problemMatcher: string[] }[];
    assert.deepEqual(tasks.map((task) => [task.kind, task.dependsOn, task.dependsOrder]), [['stage1', undefined, undefined], ['stage2', 'stage1', 'sequence'], ['export', 'stage2', 'sequence']]);
    assert.ok(tasks.every((task) => task.problemMatcher[0] === PROBLEM_MATCHER));
    assert.equal(taskName({ type: TASK_TYPE, kind: 'export', config: 'x/stage2-full.yml', checkpoint: 40 }), 'export stage2-full at step 40');
  });

  it('knows the shipped configurations by their stage and output, and no other YAML', () => {
    const configs = fs.readdirSync(path.join(ROOT, 'training', 'configs')).filter((f) => f.endsWith('.yaml'));
    assert.deepEqual(configs.map((f) => configHead(fs.readFileSync(path.join(ROOT, 'training', 'configs', f), 'utf8'))?.stage).sort(), [...STAGES].sort());
    assert.deepEqual(configHead('stage: "stage2" # second\r\noutput: \'a b\'  # here\nseed: 1\n'), { stage: 'stage2', output: 'a b' });
    assert.deepEqual(configHead('output: a b/c\nstage: lexicon'), { stage: 'lexicon', output: 'a b/c' });
    for (const text of ['stage: deploy\noutput: x\n', 'on:\n  stage: stage1\n  output: x\n', 'stage: stage1\n', '']) assert.equal(configHead(text), undefined, text);
  });

  it('offers the schema of the Python package for such files', () => {
    const schema = JSON.parse(fs.readFileSync(path.join(ROOT, contributes.yamlValidation[0]!.url), 'utf8')) as { properties: { stage: { enum: string[] } } };
    assert.deepEqual(schema.properties.stage.enum, STAGES);
  });
});

describe('problem matcher', () => {
  const [matcher] = contributes.problemMatchers;
  const read = (line: string): readonly (string | undefined)[] | undefined => {
    const { regexp, file, line: at, severity, message } = matcher!.pattern;
    const m = new RegExp(regexp).exec(line);
    return m ? [m[file], m[at], m[severity], m[message]] : undefined;
  };

  it('reads the error lines of the Python package', () => {
    assert.equal(`$${matcher!.name}`, PROBLEM_MATCHER);
    assert.equal(matcher!.pattern.regexp, PROBLEM_PATTERN);
    assert.deepEqual(read("data/a.jsonl:12: error: row has no text field 'answer'"), ['data/a.jsonl', '12', 'error', "row has no text field 'answer'"]);
    assert.deepEqual(read('runs/stage1.yaml:9: error: the loss became nan in step 3: lower the learning rate, or train in fp32 or bf16'), ['runs/stage1.yaml', '9', 'error', 'the loss became nan in step 3: lower the learning rate, or train in fp32 or bf16']);
    assert.deepEqual(read('C:\\w\\run.yaml:4: error: out of memory: CUDA out of memory. Tried to allocate 2 GiB')?.slice(0, 3), ['C:\\w\\run.yaml', '4', 'error']);
  });

  it('reads nothing else that a training prints', () => {
    for (const line of ["{'loss': 1.2, 'grad_norm': 0.3}", 'sw: {"entries": 12}', '  File "a.py", line 3, in main', 'ValueError: 3: error', 'done: runs/a/result.json []']) assert.equal(read(line), undefined, line);
  });
});

describe('a training on disk', () => {
  let home: string;
  const at = (...parts: string[]): string => path.join(home, ...parts);
  const reader = (): MetricsReader => new MetricsReader(at('metrics.jsonl'));
  const append = (text: string | Buffer): void => fs.appendFileSync(at('metrics.jsonl'), text);
  const settings = (stage = 'stage1', more: object = {}): void => fs.writeFileSync(at('settings.json'), JSON.stringify({ fingerprint: 'f00d', settings: { stage, ...more } }));
  beforeEach(() => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-training-'));
  });
  afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

  it('is followed while its file grows: a half-written line waits for its rest, even inside a character', () => {
    const metrics = reader();
    assert.equal(metrics.update(), false);
    append('{"step": 1, "loss": 3.0}\n{"step": 2, "lo');
    assert.equal(metrics.update(), true);
    assert.deepEqual(metrics.rows.map((r) => r.step), [1]);
    assert.equal(metrics.damagedLines, 0);
    append('ss": 2.5}\n');
    const line = Buffer.from('{"step": 3, "note": "ট"}\n', 'utf8');
    const cut = line.indexOf(0xe0) + 1;
    append(line.subarray(0, cut));
    metrics.update();
    append(line.subarray(cut));
    metrics.update();
    assert.deepEqual(metrics.rows.map((r) => [r.step, r.loss ?? r.note]), [[1, 3], [2, 2.5], [3, 'ট']]);
    assert.equal(metrics.update(), false);
  });

  it('is read anew when the file was cut or replaced, as a resumed run does', () => {
    const metrics = reader();
    append('{"step": 1}\n{"step": 2}\n{"step": 3}\n');
    metrics.update();
    fs.writeFileSync(at('metrics.jsonl'), '{"step": 1}\n');
    metrics.update();
    append('{"step": 2, "loss": 1}\n');
    metrics.update();
    assert.deepEqual(metrics.rows, [{ step: 1 }, { step: 2, loss: 1 }]);
    fs.rmSync(at('metrics.jsonl'));
    assert.equal(metrics.update(), true);
    assert.deepEqual(metrics.rows, []);
  });

  it('counts lines that are no rows, and reads numbers that JSON has no word for as null', () => {
    append('not json\n[1]\n{"step": 1, "loss": NaN, "grad_norm": -Infinity, "note": "NaN"}\n\n');
    settings();
    const view = trainingView(home, reader());
    assert.deepEqual([view.rows, view.damagedLines], [1, 2]);
    assert.deepEqual(view.curves, [{ key: 'loss', x: [1], y: [null] }, { key: 'grad_norm', x: [1], y: [null] }]);
  });

  it('is running, finished, resumable or stopped by what lies in its folder', () => {
    settings();
    append('{"step": 4, "max_steps": 9, "loss": 1.5}\n{"step": 4, "eval_loss": 1.25}\n');
    const info = (): ReturnType<typeof trainingInfo> => trainingInfo(home, reader());
    assert.equal(info().status, 'stopped');
    fs.mkdirSync(at('checkpoint-4'));
    assert.equal(info().status, 'stopped', 'a checkpoint without its last file was cut off');
    fs.writeFileSync(at('checkpoint-4', 'complete'), '');
    assert.equal(info().status, 'resumable');
    const held = { host: os.hostname(), started: '', config: '/w/a.yaml', cwd: '/w' };
    fs.writeFileSync(at('process.json'), JSON.stringify({ ...held, pid: process.pid }));
    assert.deepEqual([info().status, info().pid, info().config, info().step, info().maxSteps, info().loss, info().evalLoss], ['running', process.pid, '/w/a.yaml', 4, 9, 1.5, 1.25]);
    // No process has this number: it is above every limit of a process id.
    fs.writeFileSync(at('process.json'), JSON.stringify({ ...held, pid: 2 ** 22 + 1 }));
    assert.equal(info().status, 'resumable');
    fs.writeFileSync(at('process.json'), JSON.stringify({ ...held, pid: process.pid, ended: 'x' }));
    assert.equal(info().status, 'resumable');
    fs.writeFileSync(at('result.json'), JSON.stringify({ fingerprint: 'other' }));
    assert.equal(info().status, 'resumable', 'a result of other settings is not this one\'s');
    fs.writeFileSync(at('result.json'), JSON.stringify({ fingerprint: 'f00d', steps: 9, files: ['a'] }));
    assert.equal(info().status, 'finished');
    assert.deepEqual(trainingView(home, reader()).result, [['steps', '9'], ['files', '["a"]']]);
    fs.writeFileSync(at('settings.json'), '{');
    assert.match(info().problem!, /settings\.json cannot be read/);
  });

  it('gives curves by column, reconstruction by language, the last samples and the best checkpoint', () => {
    settings();
    for (const step of [2, 4]) {
      append(JSON.stringify({ step, loss: 5 - step }) + '\n' + JSON.stringify({ step, eval_loss: step === 2 ? 1 : 2 }) + '\n');
      append(JSON.stringify({ step, reconstruction_chrf: { sw: 10 * step, es: 1 }, reconstruction_sample: { sw: { input: `in ${step}`, output: 'out' } } }) + '\n');
      fs.mkdirSync(at(`checkpoint-${step}`));
      fs.writeFileSync(at(`checkpoint-${step}`, 'complete'), '');
    }
    const view = trainingView(home, reader());
    assert.deepEqual(view.curves, [{ key: 'loss', x: [2, 4], y: [3, 1] }, { key: 'eval_loss', x: [2, 4], y: [1, 2] }]);
    assert.deepEqual(view.chrf, [{ key: 'es', x: [2, 4], y: [1, 1] }, { key: 'sw', x: [2, 4], y: [20, 40] }]);
    assert.deepEqual(view.samples, [{ step: 4, language: 'sw', input: 'in 4', output: 'out' }]);
    assert.deepEqual(view.checkpointList, [{ step: 2, evalLoss: 1, best: true }, { step: 4, evalLoss: 2, best: false }]);
  });

  it('counts epochs in a warm start, and thins long curves but for their last point', () => {
    settings('warmstart', { warm_start: { epochs: 6 } });
    append('{"epoch": 1, "loss": 2, "held_out_loss": 3}\n');
    const warm = trainingView(home, reader());
    assert.deepEqual([warm.unit, warm.step, warm.maxSteps, warm.evalLoss], ['epoch', 1, 6, 3]);
    fs.writeFileSync(at('metrics.jsonl'), Array.from({ length: 4000 }, (_, i) => `{"step": ${i + 1}, "loss": ${i}}\n`).join(''));
    const { curves, every } = trainingView(home, reader());
    assert.equal(every, 3);
    assert.deepEqual([curves[0]!.x.slice(0, 2), curves[0]!.x.at(-1), curves[0]!.x.length], [[1, 4], 4000, 1334]);
  });

  it('is listed once, running ones first, and VS Code\'s own settings are none', () => {
    const make = (name: string, pid: number): string => {
      fs.mkdirSync(at(name));
      fs.writeFileSync(at(name, 'settings.json'), JSON.stringify({ fingerprint: name, settings: { stage: 'stage2' } }));
      fs.writeFileSync(at(name, 'process.json'), JSON.stringify({ pid, host: os.hostname() }));
      return at(name);
    };
    const [b, a] = [make('b', process.pid), make('a', 2 ** 22 + 1)];
    fs.mkdirSync(at('.vscode'));
    fs.writeFileSync(at('.vscode', 'settings.json'), '{ "editor.tabSize": 2, }');
    assert.deepEqual(listTrainings([a, b, b, at('.vscode'), at('absent')]).map((i) => [i.name, i.status]), [['b', 'running'], ['a', 'stopped']]);
  });
});

describe('what the training panel may ask', () => {
  it('is checked', () => {
    assert.deepEqual(trainingAction({ action: 'export', index: 1, checkpoint: 20, more: 1 }), { action: 'export', index: 1, checkpoint: 20 });
    assert.throws(() => trainingAction({ action: 'delete', index: 0 }), /unknown action/);
    assert.throws(() => trainingAction({ action: 'export', index: 6 }), /beyond the trainings/);
    assert.throws(() => trainingAction({ action: 'export', index: 0, checkpoint: '4' }), /no count for "checkpoint"/);
  });
});

describe('prompt templates that training knows', () => {
  it('give the texts that the bundle\'s templates give', () => {
    const table = JSON.parse(fs.readFileSync(path.join(ROOT, 'training', 'lingualift_training', 'export', 'templates.json'), 'utf8')) as Record<string, { encoder: string; instruction: string; text: string }>;
    const problem = { id: '1', language: 'en', kind: 'number', question: 'How many?', answer: '3' } as unknown as Parameters<ReturnType<typeof promptTemplate>['render']>[0];
    assert.ok(Object.keys(table).length >= 6);
    for (const [name, texts] of Object.entries(table)) {
      const filled = Object.fromEntries(Object.entries(texts).map(([k, v]) => [k, v.replace('{question}', problem.question)]));
      assert.deepEqual(promptTemplate(name).render(problem, { benchmark: 'gsm8k' }), filled, name);
    }
  });
});

describe('set-up of the Python environment, dry', () => {
  const old = { cache: process.env.LINGUALIFT_CACHE, python: process.env.PYTHON };
  let home: string;
  beforeEach(() => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-setup-'));
    process.env.LINGUALIFT_CACHE = path.join(home, 'cache');
  });
  afterEach(() => {
    for (const [name, value] of [['LINGUALIFT_CACHE', old.cache], ['PYTHON', old.python]] as const) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    fs.rmSync(home, { recursive: true, force: true });
  });

  /** A program that answers like a Python of some version. */
  function python(version: string): string {
    const file = path.join(home, `python${version}`);
    fs.writeFileSync(file, `#!/bin/sh\necho ${version} ${file}\n`, { mode: 0o755 });
    return file;
  }

  it('says what would be done with a Python that is new enough, and writes nothing', async function () {
    if (process.platform === 'win32') return this.skip();
    const base = python('3.12');
    const { steps, folder, version } = await setUpPython({ base, dryRun: true, weights: true });
    assert.equal(version, '3.12');
    assert.match(path.basename(folder), /^python-3\.12-[0-9a-f]{12}$/);
    assert.deepEqual(steps.map((s) => [s.what, s.done]), [['environment', false], ['packages', false], ['weights', false]]);
    assert.deepEqual(steps[0]!.commands, [[base, '-m', 'venv', folder]]);
    assert.deepEqual(steps[1]!.commands.at(-1)!.slice(1, 4), ['-m', 'pip', 'install']);
    assert.ok(steps[1]!.commands.at(-1)!.at(-1)!.endsWith('requirements.txt'));
    assert.equal(fs.existsSync(path.join(home, 'cache')), false);
    fs.mkdirSync(path.join(folder, 'bin'), { recursive: true });
    fs.writeFileSync(path.join(folder, '.complete'), '');
    assert.deepEqual((await setUpPython({ base, dryRun: true })).steps.map((s) => [s.what, s.done]), [['environment', true], ['packages', true]]);
  });

  it('refuses a Python that is too old, saying which it found', async function () {
    if (process.platform === 'win32') return this.skip();
    await assert.rejects(setUpPython({ base: python('3.10'), dryRun: true }), /No Python 3\.11 or newer was found \(found: 3\.10\)/);
  });

  it('ends when it is cancelled', async function () {
    if (process.platform === 'win32') return this.skip();
    await assert.rejects(setUpPython({ base: python('3.12'), signal: AbortSignal.abort() }), (e: Error & { exitCode?: number }) => /Cancelled/.test(e.message));
  });
});
