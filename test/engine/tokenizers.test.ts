import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '../../src/engine/tokenizer';
import { loadBenchmark } from '../../src/runs/benchmark';
import { baseWeightsFolder, pythonEnvironment } from '../../src/runs/locations';
import { ROOT, temporaryFolder, TINY } from '../helpers/paths';

/** Reads a request on standard input: for each case the ids of every text, and for each list of ids its text. */
const SCRIPT = `
import json, sys
from pathlib import Path
from tokenizers import Tokenizer
request = json.load(sys.stdin)
answers = []
for case in request["cases"]:
    if case.get("write"):
        from lingualift_training.export.tokenizers import write_tokenizer
        write_tokenizer(Path(case["base"]), Path(case["write"]))
    tokenizer = Tokenizer.from_file(case["file"])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = [e.ids for e in tokenizer.encode_batch(request["texts"], add_special_tokens=case["specials"])]
    answers.append({"ids": ids, "texts": [tokenizer.decode(i, skip_special_tokens=True) for i in ids]})
json.dump(answers, sys.stdout)
`;

const EDGE = [
  'x', ' ', '  two  spaces ', 'tab\there', 'line\n\nbreak\r\n', '১২৩ ٤٥٦ १२३ ๔๕ 一二三 ⅧⅨ ½ x²', 'e\u0301 é \u212b Å ﬁ ①', 'zero\u200bwidth\u200djoin\ufeff', 'a\u00a0b\u3000c\u202fd',
  '🙂👩‍👩‍👧 🇰🇪', 'camelCase HTTPServer2x', "it's we'll I'D", '1,250.50 + 3/4 = ?', '<|start|>user', '<s>[INST]</s>', '\u0001\u007f\u009f', 'ßẞİıÇ', '���', 'ｆｕｌｌ　ｗｉｄｔｈ１２', 'مَرْحَبًا ـــ', 'ក្រោម ភាសា', 'नमस्ते क्‍ष',
];

interface Case {
  readonly name: string;
  /** tokenizer.json that Python reads: of the base model itself. */
  readonly file: string;
  /** Folder that the engine reads: as the exporter writes it. */
  readonly folder: string;
  readonly specials: boolean;
  readonly base?: string;
  readonly write?: string;
}

describe('tokenizers: the engine and Python give the same ids', function () {
  this.timeout(120_000);
  const python = pythonEnvironment();
  const { benchmark } = loadBenchmark('lift48');
  const questions = benchmark.languages.flatMap((code) => benchmark.problems.get(code)!.map((p) => ({ code, text: p.question })));
  const texts = [...questions.map((q) => q.text), ...EDGE];
  const cases: Case[] = [];
  let answers: { ids: number[][]; texts: string[] }[] = [];

  before(function () {
    if (!python) {
      console.log('      skipped: there is no Python environment with "tokenizers" (npm run setup, or set LINGUALIFT_PYTHON)');
      return this.skip();
    }
    for (const [part, specials] of [['lm', false], ['encoder', true]] as const) {
      const folder = path.join(TINY, 'tokenizers', part);
      cases.push({ name: `tiny ${part}`, file: path.join(folder, 'tokenizer.json'), folder, specials });
    }
    const write = temporaryFolder('tokenizers');
    for (const [name, specials] of [['e5-small', true], ['smollm2-135m', false]] as const) {
      const base = path.join(baseWeightsFolder(), name);
      const file = path.join(base, 'tokenizer.json');
      if (fs.existsSync(file)) cases.push({ name, file, folder: path.join(write, name), specials, base, write: path.join(write, name) });
    }
    const result = spawnSync(python.python, ['-c', SCRIPT], {
      input: JSON.stringify({ cases, texts }), encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, PYTHONPATH: path.join(ROOT, 'training'), TOKENIZERS_PARALLELISM: 'false' },
    });
    assert.equal(result.status, 0, result.stderr);
    answers = JSON.parse(result.stdout) as typeof answers;
  });

  for (const name of ['tiny lm', 'tiny encoder', 'e5-small', 'smollm2-135m']) {
    it(`${name}: 48 languages × 50 problems of LIFT-48, and hard cases`, function () {
      const at = cases.findIndex((c) => c.name === name);
      if (at < 0) {
        console.log(`      skipped: the base weights of ${name} are not in the cache (npm run setup)`);
        return this.skip();
      }
      const tokenizer = Tokenizer.open(cases[at]!.folder);
      const bad: string[] = [];
      texts.forEach((text, i) => {
        const ids = tokenizer.encode(text, cases[at]!.specials);
        const want = answers[at]!.ids[i]!;
        if (ids.join() !== want.join()) {
          const where = ids.findIndex((id, n) => id !== want[n]);
          bad.push(`${questions[i]?.code ?? 'edge'} ${JSON.stringify(text)}: id ${where} is ${ids[where]}, Python says ${want[where]}`);
        }
      });
      assert.deepEqual(bad.slice(0, 10), [], `${bad.length} of ${texts.length} differ`);
      assert.equal(new Set(questions.map((q) => q.code)).size, 48);
    });

    it(`${name}: decoding gives Python's text`, function () {
      const at = cases.findIndex((c) => c.name === name);
      if (at < 0) return this.skip();
      const tokenizer = Tokenizer.open(cases[at]!.folder);
      const bad = answers[at]!.ids.flatMap((ids, i) => {
        const text = tokenizer.decode(ids);
        return text === answers[at]!.texts[i] ? [] : [`${questions[i]?.code ?? 'edge'} ${JSON.stringify(text)} instead of ${JSON.stringify(answers[at]!.texts[i])}`];
      });
      assert.deepEqual(bad.slice(0, 10), [], `${bad.length} of ${texts.length} differ`);
    });
  }
});

describe('tokenizers: reading a folder', () => {
  it('a missing or damaged file is named', () => {
    const folder = path.join(temporaryFolder(), 'lm');
    fs.mkdirSync(folder);
    assert.throws(() => Tokenizer.open(folder), /The tokenizer file "tokenizer_config\.json" in "lm" cannot be read: ENOENT/);
    fs.cpSync(path.join(TINY, 'tokenizers', 'lm'), folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'tokenizer.json'), '{');
    assert.throws(() => Tokenizer.open(folder), /The tokenizer file "tokenizer\.json" in "lm" cannot be read: .*JSON/);
  });

  it('the chat template comes from its own file, else from the configuration, else it is an error', () => {
    const folder = temporaryFolder();
    fs.cpSync(path.join(TINY, 'tokenizers', 'lm'), folder, { recursive: true });
    assert.equal(Tokenizer.open(folder).chat('Hi'), '<|start|>user\nHi<|end|>\n<|start|>assistant\n');
    fs.rmSync(path.join(folder, 'chat_template.jinja'));
    assert.equal(Tokenizer.open(folder).hasChatTemplate, false);
    assert.throws(() => Tokenizer.open(folder).chat('Hi'), /no chat template/);
    const config = JSON.parse(fs.readFileSync(path.join(folder, 'tokenizer_config.json'), 'utf8')) as object;
    fs.writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ ...config, chat_template: '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}' }));
    assert.equal(Tokenizer.open(folder).chat('Hi'), '<|start|>Hi<|end|>');
  });

  it('empty text has no ids, and no ids have no text', () => {
    const lm = Tokenizer.open(path.join(TINY, 'tokenizers', 'lm'));
    assert.deepEqual([lm.encode('', false), lm.decode([])], [[], '']);
    assert.ok(Tokenizer.open(path.join(TINY, 'tokenizers', 'encoder')).encode('', true).length > 0);
  });
});
