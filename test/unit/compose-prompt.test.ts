import assert from 'node:assert/strict';
import { readManifest } from '../../src/bundle';
import { composePrompt, type Tokenizers } from '../../src/engine/generation/prompt';
import { TINY } from '../helpers/paths';

/** One id per character. */
const letters = { encode: (text: string) => [...text].map((c) => 2 + (c.codePointAt(0)! % 90)), chat: (text: string) => text };
const tokenizers = { lm: letters, encoder: letters } as unknown as Tokenizers;
const texts = { encoder: 'abcdef', instruction: '', text: '', chat: false };

describe('soft rows of a prompt', () => {
  const manifest = readManifest(TINY).manifest!;
  const { connector } = manifest.parts;
  const boundaries = Number(connector!.boundary.start) + Number(connector!.boundary.end);
  const withConnector = (change: object) => ({ ...manifest, parts: { ...manifest.parts, connector: { ...connector!, ...change } } });

  it('are one for each encoder token and boundary vector', () => {
    const { inputIds, softRows } = composePrompt(manifest, tokenizers, texts);
    assert.equal(softRows, 6 + boundaries);
    assert.deepEqual(inputIds.filter((i) => i < 0), Array.from({ length: 6 + boundaries }, (_, i) => -i - 1));
  });

  it('are the latents of a perceiver, however long the text is', () => {
    for (const encoder of ['ab', 'abcdefghijkl']) {
      const { inputIds, softRows, encoderIds } = composePrompt(withConnector({ type: 'perceiver', latents: 3 }), tokenizers, { ...texts, encoder });
      assert.equal(encoderIds!.length, encoder.length);
      assert.equal(softRows, 3 + boundaries);
      assert.equal(inputIds.filter((i) => i < 0).length, 3 + boundaries);
    }
  });
});
