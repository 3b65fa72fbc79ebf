import assert from 'node:assert/strict';
import path from 'node:path';
import * as vscode from 'vscode';
import { ATTENTION_PANEL, Command } from '../../src/extension/contributions';
import { attentionLink, refsOfLink } from '../../src/extension/uri';
import { WorkerClient } from '../../src/extension/worker/client';
import { CloseSubjects, OnProbing, OpenSubjects, ReadLens, ReadSoft, ReadThumbnails, ReadTile } from '../../src/extension/worker/probe-protocol';
import { type GenerationRef } from '../../src/protocol/generation';

describe('attention panel', () => {
  const bundle = (): string => path.join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, 'bundles', 'tiny');
  const ref = (change: Partial<GenerationRef> = {}): GenerationRef => ({ bundle: bundle(), question: 'Asha ana matofaa 7.', language: 'sw', ...change });
  const panels = (): string[] => vscode.window.tabGroups.all.flatMap((g) => g.tabs).flatMap((tab) => (tab.input instanceof vscode.TabInputWebview && tab.input.viewType.endsWith(ATTENTION_PANEL) ? [tab.label] : []));
  const until = async (what: string, ok: () => boolean): Promise<void> => {
    for (let i = 0; i < 200 && !ok(); i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(ok(), what);
  };

  after(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('answers, cuts tiles and reads layers in a worker, for two prompts with one engine', async () => {
    const client = new WorkerClient(() => undefined);
    try {
      const steps: string[] = [];
      client.connection.onNotification(OnProbing, (p) => void steps.push(p.message));
      const refs = [ref({ maxNewTokens: 6 }), ref({ question: 'Ana has 7 apples.', language: 'en', completion: ' It is 7.' })];
      const [a, b] = await client.connection.sendRequest(OpenSubjects, { refs, engine: { provider: 'cpu', threads: 1, memoryCeiling: 0 } });
      assert.ok(a!.ref.completionIds!.length > 0 && a!.ref.completionIds!.length <= 6, 'answered');
      assert.ok(steps.includes('answering the prompt') && steps.includes('reading the prompt'));
      assert.match(a!.fingerprint, /^[0-9a-f]{64}$/);
      assert.notEqual(a!.fingerprint, b!.fingerprint);
      const S = b!.summary.lm.positions.length;
      const tile = { subject: 1, side: 'lm', layer: 0, head: 1, units: 'tokens', pool: 1, rows: [0, S], columns: [0, S] } as const;
      const block = await client.connection.sendRequest(ReadTile, tile);
      for (const by of [tile, { ...tile, units: 'words', rows: [0, 3], columns: [0, 3] } as const]) assert.ok((await client.connection.sendRequest(ReadTile, by)).data instanceof Float32Array);
      for (let r = 0; r < S; r++) assert.ok(Math.abs(block.data.subarray(r * S, (r + 1) * S).reduce((x, y) => x + y, 0) - 1) < 1e-5);
      const coarse = await client.connection.sendRequest(ReadTile, { ...tile, layer: 'rollout', pool: 4 });
      assert.deepEqual([coarse.rows, coarse.columns], [Math.ceil(S / 4), Math.ceil(S / 4)]);
      const heads = await client.connection.sendRequest(ReadThumbnails, { subject: 0, side: 'encoder', size: 8 });
      assert.deepEqual([heads.layers, heads.heads, heads.size], [2, 4, 8]);
      assert.ok((await client.connection.sendRequest(ReadSoft, { subject: 0, k: 3 })).slots > 5);
      assert.equal((await client.connection.sendRequest(ReadLens, { subject: 1, rows: [S - 2, S], k: 2 })).entropy.length, 2 * 3);
      await assert.rejects(client.connection.sendRequest(ReadTile, { ...tile, rows: [0, S + 1] }), /not inside/);
      // The answer is kept: opened again nothing is generated, and the numbers are the same ones.
      steps.length = 0;
      const [again] = await client.connection.sendRequest(OpenSubjects, { refs: [a!.ref], engine: { provider: 'cpu', threads: 1, memoryCeiling: 0 } });
      assert.equal(again!.fingerprint, a!.fingerprint);
      assert.deepEqual(steps, []);
      await assert.rejects(client.connection.sendRequest(OpenSubjects, { refs: [ref({ precision: 'int4' })], engine: { provider: 'cpu', threads: 1, memoryCeiling: 0 } }), /has no int4; it has fp32/);
      await client.connection.sendRequest(CloseSubjects);
      await assert.rejects(client.connection.sendRequest(ReadTile, tile), /no such prompt/);
    } finally {
      await client.dispose();
    }
  });

  it('opens one panel a prompt, and moves it for a token instead of opening another', async () => {
    const own = ref({ completion: ' It is 7.', completionIds: [53, 81, 78] });
    await vscode.commands.executeCommand(Command.showAttention, own);
    await until('the panel', () => panels().length === 1);
    assert.deepEqual(panels(), ['Attention: tiny · Swahili']);
    await vscode.commands.executeCommand(Command.showAttention, { ...own, token: 1 });
    await vscode.commands.executeCommand(Command.showAttention, { ...own, completionIds: [53, 81, 78, 88], token: 3 });
    assert.equal(panels().length, 1);
    await vscode.commands.executeCommand(Command.showAttention, { ...own, question: 'Another one.', token: 0 });
    await until('another panel', () => panels().length === 2);
  });

  it('reads its own links, and nothing else', () => {
    const refs = [ref(), ref({ language: 'en', completionIds: [1, 2], token: 1 })];
    const link = new URL(attentionLink('lingualift.lingualift', refs));
    assert.deepEqual(refsOfLink(link.searchParams.get('refs')), refs);
    const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const bad of [null, '', 'x', encoded([]), encoded([{ ...ref(), bundle: 'relative' }]), encoded([{ question: 1 }]), encoded([ref(), ref(), ref()])]) assert.throws(() => refsOfLink(bad), /does not name a prompt/);
  });
});
