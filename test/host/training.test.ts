import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { Command, Setting } from '../../src/extension/contributions';
import { findConfigs, makeTask, runTask } from '../../src/extension/tasks/provider';
import { WorkerClient } from '../../src/extension/worker/client';
import { ListTrainings, SetUpPython } from '../../src/extension/worker/protocol';

const PREVIEW = { seed: 3, sentences: 9, languages: [{ language: 'sw', entries: 2, coverage: 0.25 }], words: 4, replaced: 1, rows: [{ source: 'Ann has books', pieces: [{ text: 'Ann has ' }, { text: 'vitabu', source: 'books', language: 'sw' }] }] };

/** In place of Python: notes its arguments, prints a preview, or an error as lingualift_training does and ends with 2. */
const FAKE = `#!/bin/sh
echo "$PYTHONPATH|$*" >> "$(dirname "$0")/calls"
if [ "$3" = preview ]; then cat "$(dirname "$0")/preview.json"; exit 0; fi
echo "step 1"
echo "train/stage1.yaml:3: error: the loss became nan in step 2: lower the learning rate"
exit 2
`;

describe('training tasks', () => {
  const folder = vscode.workspace.workspaceFolders![0]!;
  const at = (...parts: string[]): string => path.join(folder.uri.fsPath, ...parts);
  const calls = (): string[] => (fs.existsSync(at('fake', 'calls')) ? fs.readFileSync(at('fake', 'calls'), 'utf8').trim().split('\n') : []);
  const setting = (value: string | undefined): Thenable<void> => vscode.workspace.getConfiguration().update(Setting.python.key, value, vscode.ConfigurationTarget.Global);

  before(async () => {
    fs.mkdirSync(at('fake'), { recursive: true });
    fs.mkdirSync(at('train'), { recursive: true });
    fs.writeFileSync(at('fake', 'python'), FAKE, { mode: 0o755 });
    fs.writeFileSync(at('fake', 'preview.json'), JSON.stringify(PREVIEW));
    fs.writeFileSync(at('train', 'stage1.yaml'), 'stage: stage1\noutput: out/one\noptim: { batch_size: 2 }\n');
    fs.writeFileSync(at('train', 'lexicon.yml'), '# words\noutput: out/words\nstage: lexicon\n');
    fs.writeFileSync(at('train', 'other.yaml'), 'on: push\njobs: {}\n');
    await setting(at('fake', 'python'));
  });
  after(async () => {
    await setting(undefined);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const name of ['fake', 'train', 'out']) fs.rmSync(at(name), { recursive: true, force: true });
  });

  it('are provided for each run\'s YAML file of the workspace', async () => {
    const found = (await findConfigs()).filter((c) => c.relative.startsWith('train/'));
    assert.deepEqual(found.map((c) => [c.relative, c.stage, c.outputFolder]), [['train/lexicon.yml', 'lexicon', at('out', 'words')], ['train/stage1.yaml', 'stage1', at('out', 'one')]]);
    const tasks = (await vscode.tasks.fetchTasks({ type: 'lingualift' })).filter((t) => String(t.definition.config).startsWith('train/'));
    assert.deepEqual(tasks.map((t) => `${t.name}: ${String(t.definition.kind)}`).sort(), ['export stage1: export', 'lexicon: lexicon', 'stage1: stage1']);
    for (const task of tasks) {
      assert.ok(task.execution instanceof vscode.ProcessExecution);
      assert.equal(task.execution.process, at('fake', 'python'));
      assert.deepEqual(task.problemMatchers, ['$lingualift']);
    }
  });

  it('run without a shell, end with the program\'s code, and put its error line into the Problems view', async () => {
    const name = 'train/stage1.yaml';
    const code = await runTask(makeTask(vscodeContext(), { type: 'lingualift', kind: 'stage1', config: name, output: 'out/$(echo one)' }, folder));
    assert.equal(code, 2);
    const [paths, args] = calls().at(-1)!.split('|') as [string, string];
    assert.equal(args, `-m lingualift_training stage1 ${name} --output out/$(echo one)`);
    assert.ok(fs.existsSync(path.join(paths.split(path.delimiter)[0]!, 'lingualift_training', 'cli.py')), paths);
    const problems = async (): Promise<vscode.Diagnostic[]> => {
      for (let i = 0; i < 100; i += 1) {
        const found = vscode.languages.getDiagnostics(vscode.Uri.file(at(name)));
        if (found.length > 0) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return [];
    };
    assert.deepEqual((await problems()).map((d) => [d.range.start.line, d.severity, d.message]), [[2, vscode.DiagnosticSeverity.Error, 'the loss became nan in step 2: lower the learning rate']]);
  });

  it('that no program could be started for say why and fail, so that what depends on them does not start', async () => {
    await setting(undefined);
    try {
      const before = calls().length;
      const task = makeTask(vscodeContext(), { type: 'lingualift', kind: 'stage1', config: 'train/stage1.yaml' }, folder);
      assert.ok(task.execution instanceof vscode.CustomExecution, 'there is no Python in the tests\' cache');
      assert.notEqual(await runTask(task), 0);
      assert.equal(calls().length, before);
    } finally {
      await setting(at('fake', 'python'));
    }
  });

  it('show code-switched rows with their coverage in a read-only document', async () => {
    await vscode.commands.executeCommand(Command.previewCodeSwitch, vscode.Uri.file(at('train', 'stage1.yaml')));
    const { document } = vscode.window.activeTextEditor!;
    assert.equal(document.uri.scheme, 'lingualift');
    const text = document.getText();
    assert.match(text, /1 of 9 sentences, seed 3/);
    assert.match(text, /Swahili\s+sw\s+25\.0 %\s+2 entries/);
    assert.match(text, /Ann has vitabu\n\s+Ann has books/);
    assert.match(calls().at(-1)!, /preview .*stage1\.yaml --rows 40$/);
  });

  it('are listed in the Training view by what they wrote, and opened as a panel', async () => {
    fs.mkdirSync(at('out', 'one'), { recursive: true });
    fs.writeFileSync(at('out', 'one', 'settings.json'), JSON.stringify({ fingerprint: 'f', settings: { stage: 'stage1' } }));
    fs.writeFileSync(at('out', 'one', 'metrics.jsonl'), '{"step": 1, "loss": 2}\n');
    const client = new WorkerClient(() => undefined);
    try {
      const listed = await client.connection.sendRequest(ListTrainings, { folders: [at('out', 'one'), at('.vscode'), at('absent')] });
      assert.deepEqual(listed.map((i) => [i.name, i.status, i.loss]), [['one', 'stopped', 2]]);
    } finally {
      await client.dispose();
    }
    await vscode.commands.executeCommand(Command.refresh);
    const tabs = (): string[] => vscode.window.tabGroups.all.flatMap((g) => g.tabs).map((t) => t.label);
    for (let i = 0; i < 100 && !tabs().includes('Training: one'); i += 1) {
      void vscode.commands.executeCommand(Command.openTraining, at('out', 'one'));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(tabs().includes('Training: one'), tabs().join(', '));
  });

  it('find their Python by a set-up that says beforehand what it would do', async () => {
    const client = new WorkerClient(() => undefined);
    try {
      const { steps, folder: made } = await client.connection.sendRequest(SetUpPython, { weights: false, dryRun: true });
      assert.deepEqual(steps.map((s) => s.what), ['environment', 'packages']);
      assert.equal(fs.existsSync(made), false, 'nothing is made');
      assert.ok(steps[1]!.commands.some((c) => c.some((a) => a.endsWith('requirements.txt') && fs.existsSync(a))));
    } finally {
      await client.dispose();
    }
  });
});

/** What makeTask needs of an extension's context; the tests run outside of it. */
function vscodeContext(): vscode.ExtensionContext {
  const extension = vscode.extensions.getExtension('lingualift.lingualift')!;
  return { asAbsolutePath: (p: string) => path.join(extension.extensionPath, p), globalStorageUri: vscode.Uri.file(path.join(extension.extensionPath, 'nowhere')) } as unknown as vscode.ExtensionContext;
}
