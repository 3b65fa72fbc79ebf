import { openBundle } from '../../bundle';
import { type ComposedItem, type ComposeItem, type SettledItem, type SettleParams } from '../../protocol/compose';
import { type ComposedPrompt, composePrompt } from '../generation/prompt';
import { endingOf, textBefore } from '../generation/stop';
import { TokenEmbeddings } from '../probe/embedding';
import { type LoadedBundle } from '../sessions';

/**
 * Input embeddings of prompts for an LLM that runs in another process: soft rows by encoder and alignment layer, the rest from
 * the fp32 token table, which is the table of the exported LLM whatever the encoder's precision.
 */
export class Composer {
  private table: Promise<TokenEmbeddings> | undefined;

  constructor(readonly bundle: LoadedBundle) {}

  private embeddings(): Promise<TokenEmbeddings> {
    const { manifest, dir } = this.bundle;
    this.table ??= openBundle(dir, { precision: 'fp32' }).then(() => TokenEmbeddings.of(manifest, 'fp32', dir));
    return this.table;
  }

  /** In the order asked for. A prompt that is too long or empty comes back with its reason. */
  async compose(items: readonly ComposeItem[], batch: number, between: () => Promise<void>): Promise<ComposedItem[]> {
    const { manifest, tokenizers, model } = this.bundle;
    const out = new Array<ComposedItem>(items.length);
    const ready: { readonly index: number; readonly prompt: ComposedPrompt }[] = [];
    items.forEach((item, index) => {
      try {
        const prompt = 'inputIds' in item ? { inputIds: item.inputIds, encoderIds: item.encoderIds, softRows: 0, prompt: '' } : composePrompt(manifest, tokenizers, item);
        ready.push({ index, prompt });
      } catch (e) {
        out[index] = { key: item.key, prompt: '', inputIds: [], encoderTokens: 0, failure: (e as Error).message };
      }
    });
    ready.sort((a, b) => (a.prompt.encoderIds?.length ?? 0) - (b.prompt.encoderIds?.length ?? 0));
    for (let at = 0; at < ready.length; at += batch) {
      await between();
      const group = ready.slice(at, at + batch);
      const soft = group.some((g) => g.prompt.encoderIds) ? await model.encode(group.map((g) => g.prompt.encoderIds ?? [])) : undefined;
      for (const [i, { index, prompt }] of group.entries()) {
        const embeds = soft ? await this.inputs(prompt.inputIds, soft[i]!) : undefined;
        out[index] = {
          key: items[index]!.key, prompt: prompt.prompt, inputIds: prompt.inputIds, encoderTokens: prompt.encoderIds?.length ?? 0,
          ...(prompt.encoderPrompt !== undefined ? { encoderPrompt: prompt.encoderPrompt } : {}),
          ...(embeds ? { embeds } : {}),
        };
      }
    }
    return out;
  }

  /** [ids, hidden]: rows of the table, soft rows where an id is below zero. */
  private async inputs(ids: readonly number[], soft: Float32Array): Promise<Float32Array> {
    const { hidden } = this.bundle.manifest.parts.lm;
    const out = new Float32Array(ids.length * hidden);
    const table = ids.some((id) => id >= 0) ? await (await this.embeddings()).rows(ids.filter((id) => id >= 0)) : undefined;
    let next = 0;
    ids.forEach((id, place) => {
      const from = id < 0 ? (-id - 1) * hidden : next++ * hidden;
      out.set((id < 0 ? soft : table!).subarray(from, from + hidden), place * hidden);
    });
    return out;
  }

  /** Where each list of ids ends, and its text. */
  settle({ items, stop }: SettleParams): SettledItem[] {
    const { manifest, tokenizers } = this.bundle;
    const { eosIds } = manifest.parts.lm;
    const decode = (ids: readonly number[]): string => tokenizers.lm.decode(ids);
    return items.map(({ key, ids, logprobs, limit }) => {
      const end = endingOf(ids, { eosIds, limit, stop, decode });
      if (!end) return { key, end: null };
      const kept = ids.slice(0, end.keep);
      return {
        key,
        end: {
          completion: textBefore(decode(kept.filter((id) => !eosIds.includes(id))), end.stopString), ids: kept, logprobs: logprobs.slice(0, end.keep), stopReason: end.reason,
          ...(end.stopString !== undefined ? { stopString: end.stopString } : {}),
        },
      };
    });
  }
}
