import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pythonEnvironment } from '../../src/runs/locations';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

/** Random models of the size of models/tiny as Hugging Face folders, as the bundle models/tiny is made from. */
function makeParts(python: string, folder: string): void {
  const code = 'import sys; from pathlib import Path; from lingualift_training.export.tiny import make_parts; make_parts(Path(sys.argv[1]))';
  const done = spawnSync(python, ['-c', code, folder], { encoding: 'utf8', env: { ...process.env, PYTHONPATH: path.join(ROOT, 'training'), OMP_NUM_THREADS: '1' } });
  assert.equal(done.status, 0, done.stderr);
}

const OPTIM = '{ batch_size: 4, log_steps: 1, eval_steps: 4, save_steps: 4, held_out: 0.1, cpu: true, threads: 1, STEPS }';
const FILES: Readonly<Record<string, string>> = {
  'words-es.txt': 'manzanas lápices libros tiene dio muchos más cuántos quedan juguetes tienda caja bolsa cada día amigos niños\n',
  'lexicon.yaml': 'stage: lexicon\noutput: out/lexicon\nmodel: { encoder: parts/encoder }\ndata:\n  - { format: generator, path: "30:3" }\ninduce: { languages: [es], english_words: 60, text_files: { es: [words-es.txt] }, mutual: false }\n',
  'stage1.yaml': `stage: stage1
output: out/stage1
model: { encoder: parts/encoder, llm: parts/lm }
merge: { mode: concat, order: [bos, start, enc, end, instruction] }
prompts: { instruction: "English:" }
data:
  - { format: generator, path: "40:3" }
lexicons:
  - { language: es, path: out/lexicon/es.tsv }
code_switch: { ratio: [0.4, 0.9], keep: articles }
optim: ${OPTIM.replace('STEPS', 'max_steps: 12, reconstruction_samples: 1')}
`,
  'stage2.yaml': `stage: stage2
output: out/stage2
model: { encoder: parts/encoder, llm: parts/lm, connector: out/stage1 }
merge: { mode: replace, order: [bos, start, enc, end] }
data:
  - { format: generator, path: "40:4" }
lora: { rank: 2, alpha: 4 }
optim: ${OPTIM.replace('STEPS', 'max_steps: 8')}
export: { precisions: [fp32], max_new_tokens: 8 }
`,
  'long.yaml': `stage: stage1
output: out/long
model: { encoder: parts/encoder, llm: parts/lm }
merge: { mode: replace, order: [start, enc, end] }
data:
  - { format: generator, path: "40:5" }
optim: { batch_size: 4, log_steps: 1, eval_steps: 0, save_steps: 1000, held_out: 0, max_steps: 20000, cpu: true, threads: 1 }
`,
};
const CHAIN = 'LinguaLIFT: Train: Stage I → Stage II → Export → Evaluate…';

describe('training in the workbench', function () {
  this.timeout(600_000);
  const environment = pythonEnvironment();
  let w: Workbench | undefined;
  let parts: string;

  before(async function () {
    if (!environment) {
      console.log('      no Python environment with lingualift_training: node dist/cli.js setup makes it');
      this.skip();
    }
    parts = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-parts-'));
    makeParts(environment.python, parts);
    w = await Workbench.open({ files: FILES, links: { parts }, env: { LINGUALIFT_PYTHON: environment.python, OMP_NUM_THREADS: '1' } });
  });
  after(async () => {
    await w?.close();
    if (parts) fs.rmSync(parts, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w?.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });
  const at = (...names: string[]): string => path.join(w!.server.workspace, ...names);
  const json = <T>(...names: string[]): T => JSON.parse(fs.readFileSync(at(...names), 'utf8')) as T;
  const runs = (): string[] => (fs.existsSync(at('runs')) ? fs.readdirSync(at('runs')) : []);
  const isFinished = (run: string): boolean => fs.existsSync(at('runs', run, 'state.json')) && /"status":\s*"finished"/.test(fs.readFileSync(at('runs', run, 'state.json'), 'utf8'));

  /** The picks of the chain up to the bundle's name. */
  async function answerChain(): Promise<void> {
    await w!.command(CHAIN);
    for (const file of ['lexicon.yaml', 'stage1.yaml', 'stage2.yaml']) {
      await w!.picker.locator(`input[placeholder="Configuration of ${file.replace('.yaml', '')}"]`).waitFor();
      await w!.pick(file);
    }
    await w!.type('chained');
  }

  it('goes from lexicon to a run in the Runs view, from the palette', async () => {
    assert.ok(w);
    await w.sideBar();
    await answerChain();
    await w.choose({ benchmark: 'LIFT-48', languages: ['English', 'Swahili'], sample: '2 at random' });
    await w.pick('Run now');
    await until('the first stage to write its metrics', () => fs.existsSync(at('out', 'stage1', 'metrics.jsonl')), 240_000);
    await w.row(/^stage1/).waitFor();
    await w.shot('training-running');
    const run = await until('the run to be finished', () => runs().find(isFinished), 400_000);
    assert.equal(fs.readFileSync(at('runs', run, 'samples.jsonl'), 'utf8').trim().split('\n').length, 4);
    const { stages } = json<{ stages: readonly { name: string; steps: number; fingerprint: string }[] }>('bundles', 'chained', 'lift.json');
    const [first, second] = ['stage1', 'stage2'].map((stage) => json<{ fingerprint: string }>('out', stage, 'result.json').fingerprint);
    assert.deepEqual(stages.map((s) => [s.name, s.steps, s.fingerprint]), [['stage1', 12, first], ['stage2', 8, second]]);
    assert.ok(fs.readFileSync(at('out', 'lexicon', 'es.tsv'), 'utf8').split('\n').length > 5);
    await w.row(/^chained/).waitFor();
    await w.page.locator('.sidebar .monaco-list-row', { hasText: /^chained · LIFT-48/ }).waitFor();
    await w.row(/^stage2.*step 8\/8/).waitFor();
    await w.notification('The training chain is finished').waitFor();
    await w.shot('training-chain-finished');
  });

  it('shows the curves, reconstructions and checkpoints of a training', async () => {
    assert.ok(w);
    await w.clearNotifications();
    await w.row(/^stage1/).click();
    await w.panel.locator('.chart[data-plot="loss"] canvas').waitFor();
    assert.match(await w.panel.locator('.trainings tbody tr').first().innerText(), /^\s*stage1\s+finished\s+12 \/ 12/);
    await w.command('View: Close Panel').catch(() => undefined);
    await w.shot('training-panel');
    await w.panel.locator('[role=tab]', { hasText: 'Checkpoints' }).click();
    assert.equal(await w.panel.locator('.checkpoints tbody tr').count(), 2, 'two are kept');
    await w.closeEditors();
  });

  it('marks the replaced words of a preview, with the coverage of the lexicon', async () => {
    assert.ok(w);
    await w.command('LinguaLIFT: Preview Code-Switching…');
    await w.pick('stage1.yaml');
    await w.page.locator('.tab.active', { hasText: 'Code-switching stage1.yaml' }).waitFor({ timeout: 180_000 });
    const text = w.page.locator('.monaco-editor .view-lines').first();
    await until('the coverage', async () => /Spanish\s+es\s+\d+\.\d %/.test((await text.innerText()).replaceAll('\u00a0', ' ')));
    await until('marked words', async () => (await w!.page.locator('.monaco-editor .view-overlays [class*="ced-"]').count()) > 3);
    await w.shot('training-preview');
    await w.closeEditors();
  });

  it('writes the chain as tasks that wait for one another, with the mode that was chosen', async () => {
    assert.ok(w);
    await answerChain();
    await w.choose({ benchmark: 'LIFT-48', languages: 'All languages', mode: 'Generate, with calculator', sample: '2 at random' });
    await w.pick('Write .vscode/tasks.json');
    await w.page.locator('.tab.active', { hasText: 'tasks.json' }).waitFor();
    const { tasks } = json<{ readonly tasks: readonly Readonly<Record<string, unknown>>[] }>('.vscode', 'tasks.json');
    assert.deepEqual(tasks.map((task) => task.kind), ['lexicon', 'stage1', 'stage2', 'export', 'evaluate']);
    assert.deepEqual(tasks.map((task) => task.dependsOn), [undefined, ...tasks.slice(0, -1).map((task) => task.label)]);
    assert.deepEqual([tasks[4]!.bundle, tasks[4]!.limit, tasks[4]!.calculator], ['bundles/chained', 2, true]);
    await w.closeEditors();
  });

  it('makes a configuration from a shipped one, and runs the one of a lexicon', async () => {
    assert.ok(w);
    await w.command('LinguaLIFT: New Training Configuration…');
    await w.pick(/^warmstart/);
    await w.page.locator('.tab.active', { hasText: 'warmstart.yaml' }).waitFor();
    assert.match(fs.readFileSync(at('warmstart.yaml'), 'utf8'), /^stage: warmstart$/m);
    await w.closeEditors();
    fs.rmSync(at('out', 'lexicon', 'es.tsv'));
    await w.command('LinguaLIFT: Build Lexicon…');
    await w.picker.locator('input[placeholder="Configuration"]').waitFor();
    await w.pick('lexicon.yaml');
    await w.notification('The lexicons are in out/lexicon').waitFor({ timeout: 120_000 });
    assert.ok(fs.readFileSync(at('out', 'lexicon', 'es.tsv'), 'utf8').split('\n').length > 5);
    await w.clearNotifications();
  });

  it('makes a bundle of a checkpoint, and evaluates a training with the calculator', async () => {
    assert.ok(w);
    await w.row(/^stage2/).click();
    await w.panel.locator('[role=tab]', { hasText: 'Checkpoints' }).click();
    await w.panel.getByRole('button', { name: 'Export…: stage2, step 4' }).click();
    await w.type('half');
    await w.notification('The bundle is ready').waitFor({ timeout: 180_000 });
    const [half, whole] = ['half', 'chained'].map((name) => json<{ readonly stages: readonly { readonly fingerprint: string; readonly steps?: number }[]; readonly files: readonly { readonly path: string; readonly sha256: string }[] }>('bundles', name, 'lift.json'));
    assert.deepEqual(half!.stages.map((s) => s.fingerprint), whole!.stages.map((s) => s.fingerprint));
    assert.notEqual(half!.stages.at(-1)!.steps, whole!.stages.at(-1)!.steps);
    const weights = (bundle: typeof half): string => bundle!.files.find((f) => f.path === 'fp32/model.onnx.data')!.sha256;
    assert.notEqual(weights(half), weights(whole), 'other weights than at the end');
    await w.clearNotifications();
    const before = runs();
    await w.command('LinguaLIFT: Evaluate Training…');
    await w.pick(/^stage2/);
    await w.choose({ benchmark: 'LIFT-48', languages: ['English'], mode: 'Generate, with calculator', sample: '2 at random' });
    const run = await until('the run to be finished', () => runs().find((r) => !before.includes(r) && isFinished(r)), 120_000);
    const { environment } = json<{ readonly environment: { readonly calculator: boolean; readonly bundle: { readonly name: string } } }>('runs', run, 'manifest.json');
    assert.deepEqual([environment.bundle.name, environment.calculator], ['chained', true]);
    await w.closeEditors();
    await w.clearNotifications();
  });

  it('cancels a training, resumes it where it was, and deletes it', async () => {
    assert.ok(w);
    const claimed = (): { readonly pid: number; readonly ended?: string } => json('out', 'long', 'process.json');
    const steps = (): number[] => (fs.existsSync(at('out', 'long', 'metrics.jsonl')) ? fs.readFileSync(at('out', 'long', 'metrics.jsonl'), 'utf8') : '').split('\n').filter((line) => line.includes('"loss"') && line.endsWith('}')).map((line) => (JSON.parse(line) as { step: number }).step);
    const row = w.row(/^stage1 long/);
    await w.command('LinguaLIFT: Start Training…');
    await w.pick('long.yaml');
    await until('the first steps', () => steps().length >= 3, 120_000);
    const first = claimed().pid;
    // From the palette: the tree is drawn anew while the training goes on, and a menu of it may be gone before it is clicked.
    const cancel = async (): Promise<void> => {
      await w!.command('LinguaLIFT: Cancel Training');
      await w!.pick(/^stage1 long/);
    };
    await cancel();
    await until('the process to end', () => claimed().ended !== undefined, 60_000);
    const cut = Math.max(...steps());
    assert.ok(cut < 20_000);
    await w.row(/^stage1 long.*can be resumed/).waitFor();
    await w.contextMenu(row, 'Resume Training');
    await until('steps after the cut', () => claimed().pid !== first && Math.max(...steps()) > cut, 120_000);
    assert.ok(steps().length - new Set(steps()).size <= 1, 'at most the step that was under way is done again');
    await cancel();
    await until('the process to end', () => claimed().ended !== undefined, 60_000);
    await w.row(/^stage1 long.*can be resumed/).waitFor();
    await w.contextMenu(row, 'Delete Training');
    await w.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Move to bin' }).click();
    const forever = w.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Delete permanently' });
    await until('the training to be gone', async () => {
      if (await forever.isVisible()) await forever.click();
      return !fs.existsSync(at('out', 'long'));
    });
    await row.waitFor({ state: 'detached' });
  });
});
