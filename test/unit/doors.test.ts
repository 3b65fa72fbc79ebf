import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ESLint } from 'eslint';
import { ROOT } from '../helpers/paths';

const doors = JSON.parse(fs.readFileSync(path.join(ROOT, 'doors.json'), 'utf8')) as { rooms: Record<string, string[]>; packages: Record<string, string[]>; noNodeBuiltins: string[] };

describe('door rule', function () {
  this.timeout(60_000);
  // Type information is not needed for this rule, and invented files have none.
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfig: [{ files: ['**/*.{ts,tsx}'], languageOptions: { parserOptions: { projectService: false, project: null } }, rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/no-misused-promises': 'off', '@typescript-eslint/consistent-type-imports': 'off' } }],
  });

  /** What the door rule says about a line of code in a file of a room. */
  async function says(file: string, code: string): Promise<string[]> {
    const [result] = await eslint.lintText(code + '\n', { filePath: path.join(ROOT, file) });
    const fatal = result!.messages.find((m) => m.fatal);
    assert.equal(fatal, undefined, `${file}: ${fatal?.message}`);
    return result!.messages.filter((m) => m.ruleId === 'house/doors').map((m) => m.message);
  }

  const closed: [string, string, RegExp][] = [
    ['src/core/prompts/x.ts', "import { a } from '../../bundle';", /src\/core\/prompts\/x\.ts may not import src\/bundle/],
    ['src/core/x.ts', "import fs from 'node:fs';", /may not import node:fs/],
    ['src/core/x.ts', "import path from 'path';", /may not import path/],
    ['src/core/x.ts', "import * as vscode from 'vscode';", /may not import vscode/],
    ['src/core/x.ts', "export { a } from '../runs/store';", /src\/runs\/store/],
    ['src/core/x.ts', "export * from '../runs/store';", /src\/runs\/store/],
    ['src/core/x.ts', "export const a = import('../runs/store');", /src\/runs\/store/],
    ['src/core/x.ts', "export const a = require('../runs/store') as unknown;", /src\/runs\/store/],
    ['src/core/x.ts', "export type A = import('../runs/store').RunWriter;", /src\/runs\/store/],
    ['src/core/x.ts', "import type { A } from '../runs/store';", /src\/runs\/store/],
    ['src/bundle/x.ts', "import { a } from '../runs/plan';", /src\/runs\/plan/],
    ['src/protocol/x.ts', "import { a } from '../engine/client';", /src\/engine\/client/],
    ['src/engine/x.ts', "import { a } from '../runs/pool';", /src\/runs\/pool/],
    ['src/runs/x.ts', "import { a } from '../engine/sessions';", /src\/engine\/sessions/],
    ['src/runs/x.ts', "import { a } from '../engine/client/../server';", /src\/engine\/server/],
    ['src/runs/x.ts', "import { a } from '../cli/options';", /src\/cli\/options/],
    ['src/runs/x.ts', "import * as ort from 'onnxruntime-node';", /onnxruntime-node/],
    ['src/runs/x.ts', "import { Tokenizer } from '@huggingface/tokenizers/dist/x';", /@huggingface\/tokenizers/],
    ['src/cli/x.ts', "import { a } from '../extension/settings';", /src\/extension\/settings/],
    ['src/cli/x.ts', "import * as vscode from 'vscode';", /vscode/],
    ['src/extension/x.ts', "import { a } from '../engine/generation/scheduler';", /src\/engine\/generation\/scheduler/],
    ['src/extension/x.ts', "import { a } from '../cli/main';", /src\/cli\/main/],
    ['webview/run/x.tsx', "import { a } from '../../src/runs/store';", /src\/runs\/store/],
    ['webview/run/x.tsx', "import fs from 'fs';", /may not import fs/],
    ['webview/run/x.tsx', "import { Button } from '@vscode/webview-ui-toolkit';", /webview-ui-toolkit/],
    ['src/extension/x.ts', "import { h } from 'preact';", /preact/],
  ];
  it('fires on every import that a room may not make, in every form of import', async () => {
    for (const [file, code, words] of closed) {
      const found = await says(file, code);
      assert.equal(found.length, 1, `${file}: ${code}: ${JSON.stringify(found)}`);
      assert.match(found[0]!, words);
    }
  });

  const open: [string, string][] = [
    ['src/core/prompts/x.ts', "import { a } from '../languages';"],
    ['src/core/x.ts', "import data from '../../package.json';"],
    ['src/core/x.ts', "import fc from 'some-pure-library';"],
    ['src/bundle/x.ts', "import fs from 'node:fs'; import { a } from '../core/languages';"],
    ['src/engine/x.ts', "import * as ort from 'onnxruntime-node'; import { a } from '../bundle'; import { b } from '../protocol/engine';"],
    ['src/runs/x.ts', "import { EngineClient } from '../engine/client'; import { a } from '../core/scoring'; import { b } from './store';"],
    ['src/cli/x.ts', "import { a } from '../runs/session'; import { b } from '../engine/client';"],
    ['src/debug/adapter/x.ts', "import { DebugSession } from '@vscode/debugadapter'; import { a } from '../runtime/facts'; import { b } from '../../runs/session';"],
    ['src/extension/panels/x.ts', "import * as vscode from 'vscode'; import { a } from '../../runs/session'; import { b } from '../settings';"],
    ['webview/run/x.tsx', "import { h } from 'preact'; import { a } from '../../src/protocol/panels'; import { b } from '../ui/state';"],
    ['webview/ui/controls.ts', "import { Button } from '@vscode/webview-ui-toolkit';"],
    ['test/unit/x.ts', "import { a } from '../../src/engine/server'; import fs from 'node:fs';"],
  ];
  it('is silent on every import that a room may make', async () => {
    for (const [file, code] of open) assert.deepEqual(await says(file, code), [], `${file}: ${code}`);
  });

  it('the table is the one of the architecture: one-way, and every room has its folder', () => {
    assert.deepEqual(Object.keys(doors.rooms).sort(), ['src/bundle', 'src/cli', 'src/core', 'src/debug', 'src/engine', 'src/extension', 'src/protocol', 'src/runs', 'webview']);
    assert.deepEqual(doors.rooms['src/core'], []);
    for (const [room, targets] of Object.entries(doors.rooms)) {
      assert.ok(fs.existsSync(path.join(ROOT, room)), room);
      for (const target of targets) {
        const owner = Object.keys(doors.rooms).find((r) => target === r || target.startsWith(`${r}/`));
        assert.ok(owner, `${room} -> ${target}`);
        const back = doors.rooms[owner]!;
        assert.ok(!back.some((t) => t === room || t.startsWith(`${room}/`)), `${room} and ${owner} import each other`);
      }
    }
  });

  it('no source file lies outside the rooms', () => {
    const rooms = fs.readdirSync(path.join(ROOT, 'src'), { withFileTypes: true });
    assert.deepEqual(rooms.filter((e) => e.isFile()).map((e) => e.name), []);
    assert.deepEqual(rooms.filter((e) => e.isDirectory() && !(`src/${e.name}` in doors.rooms)).map((e) => e.name), []);
  });
});
