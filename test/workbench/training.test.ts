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
};

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

  it('goes from lexicon to a run in the Runs view, from the palette', async () => {
    assert.ok(w);
    await w.sideBar();
    await w.command('LinguaLIFT: Train: Stage I → Stage II → Export → Evaluate…');
    for (const file of ['lexicon.yaml', 'stage1.yaml', 'stage2.yaml']) {
      await w.picker.locator(`input[placeholder="Configuration of ${file.replace('.yaml', '')}"]`).waitFor();
      await w.pick(file);
    }
    await w.type('chained');
    await w.choose({ benchmark: 'LIFT-48', languages: ['English', 'Swahili'], sample: '2 at random' });
    await w.pick('Run now');
    await until('the first stage to write its metrics', () => fs.existsSync(at('out', 'stage1', 'metrics.jsonl')), 240_000);
    await w.row(/^stage1/).waitFor();
    await w.shot('training-running');
    const finished = (): string | undefined => (fs.existsSync(at('runs')) ? fs.readdirSync(at('runs')) : []).find((run) => /"status":\s*"finished"/.test(fs.readFileSync(at('runs', run, 'state.json'), 'utf8')));
    const run = await until('the run to be finished', finished, 400_000);
    assert.equal(fs.readFileSync(at('runs', run, 'samples.jsonl'), 'utf8').trim().split('\n').length, 4);
    const { stages } = JSON.parse(fs.readFileSync(at('bundles', 'chained', 'lift.json'), 'utf8')) as { stages: readonly { name: string; steps: number; fingerprint: string }[] };
    const result = JSON.parse(fs.readFileSync(at('out', 'stage2', 'result.json'), 'utf8')) as { fingerprint: string };
    assert.deepEqual(stages.map((s) => [s.name, s.steps, s.fingerprint]), [['stage2', 8, result.fingerprint]]);
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
});
