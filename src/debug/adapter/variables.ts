import { scriptCounts } from '../../core/analysis';
import { bytesOf, type Choice, percent, shown, type TokenFacts } from '../runtime/facts';
import { type Generation } from '../runtime/generation';
import { type Inside } from '../runtime/inside';
import { lastScript, lineOf, momentOf, namesOf } from '../runtime/signals';

/** A variable, not yet in the words of a protocol. */
export interface Shown {
  readonly name: string;
  readonly value: string;
  readonly type?: string;
  /** An expression of the console that gives the same. */
  readonly evaluate?: string;
  /** What a data breakpoint on it watches. */
  readonly dataId?: string;
  readonly children?: () => Promise<readonly Shown[]> | readonly Shown[];
  /** Takes another value. @throws Error in words */
  readonly set?: (value: string) => Promise<void>;
}

export interface Stage {
  readonly name: string;
  readonly scopes: readonly { readonly name: string; readonly expensive: boolean; readonly list: () => Promise<readonly Shown[]> | readonly Shown[] }[];
}

const number = (x: number, digits = 4): string => (Number.isNaN(x) ? 'not a number' : x.toFixed(digits));

/** The stages of a generation as frames, the one at work first: LLM, alignment layer, encoder. */
export function stagesOf(generation: Generation, inside: Inside, force: (text: string) => Promise<void>): Stage[] {
  const { summary } = generation;
  const facts = generation.chosen;
  const llm: Stage = {
    name: facts ? `LLM · token ${facts.position} ${shown(facts.token)}` : `LLM · ended (${generation.end})`,
    scopes: [
      { name: 'Token', expensive: false, list: () => (facts ? tokenVariables(facts, force) : [{ name: 'end', value: String(generation.end) }]) },
      { name: 'Most probable', expensive: false, list: () => (facts ? generation.choices.map(choiceVariable) : []) },
      { name: 'Text', expensive: false, list: () => textVariables(generation) },
      { name: 'Layers', expensive: true, list: () => layerVariables(generation, inside) },
      { name: 'Forks', expensive: false, list: () => forkVariables(generation) },
    ],
  };
  if (summary.encoderTokens === 0) {
    return [llm, { name: `Prompt · ${summary.promptTokens} tokens`, scopes: [{ name: 'Prompt', expensive: false, list: () => promptVariables(generation) }] }];
  }
  return [
    llm,
    { name: `Alignment layer · ${summary.softRows} soft vectors`, scopes: [{ name: 'Soft prefix', expensive: true, list: () => softVariables(generation, inside) }] },
    { name: `Encoder · ${summary.encoderTokens} tokens`, scopes: [{ name: 'Encoder', expensive: false, list: () => encoderVariables(generation, inside) }] },
  ];
}

function tokenVariables(facts: TokenFacts, force: (text: string) => Promise<void>): Shown[] {
  return [
    { name: 'chosen', value: shown(facts.token), type: 'token', evaluate: 'token', set: force },
    { name: 'id', value: String(facts.token.id), type: 'number', evaluate: 'id' },
    { name: 'bytes', value: bytesOf(facts.token), type: 'hex' },
    { name: 'probability', value: percent(facts.logprob), type: 'number', evaluate: 'p', dataId: `p:${facts.token.id}` },
    { name: 'log-probability', value: number(facts.logprob), type: 'nats', evaluate: 'logprob' },
    { name: 'rank', value: String(facts.rank), type: 'number', evaluate: 'rank' },
    { name: 'entropy', value: number(facts.entropy), type: 'nats', evaluate: 'entropy', dataId: 'entropy' },
    { name: 'cumulative log-probability', value: number(facts.cumulative), type: 'nats', evaluate: 'cumulative' },
    { name: 'forced', value: String(facts.forced), type: 'boolean', evaluate: 'forced' },
    ...(facts.nonFinite > 0 ? [{ name: 'NaN or infinite logits', value: String(facts.nonFinite) }] : []),
  ];
}

export const choiceVariable = ({ token, logprob, rank }: Choice): Shown => ({
  name: String(rank), value: `${percent(logprob)}  ${shown(token)}`, type: 'token', dataId: `p:${token.id}`,
  children: () => [{ name: 'id', value: String(token.id) }, { name: 'bytes', value: bytesOf(token) }, { name: 'probability', value: percent(logprob), dataId: `p:${token.id}` }, { name: 'log-probability', value: number(logprob) }, { name: 'rank', value: String(rank) }],
});

function textVariables(generation: Generation): Shown[] {
  const { text } = generation;
  const moment = momentOf(generation);
  const counts = [...scriptCounts(text)].sort((a, b) => b[1] - a[1]);
  const letters = counts.reduce((sum, [, n]) => sum + n, 0);
  return [
    { name: 'text', value: JSON.stringify(text.length > 2000 ? `…${text.slice(-2000)}` : text), type: 'text', evaluate: 'text' },
    { name: 'tokens', value: String(generation.position), type: 'number' },
    { name: 'line', value: String(lineOf(text) + 1), type: 'number', evaluate: 'line' },
    { name: 'script', value: lastScript(text + (moment?.token ?? '')) || 'none yet', type: 'ISO 15924', evaluate: 'script', dataId: 'script' },
    { name: 'scripts', value: counts.length === 0 ? 'none yet' : counts.map(([s, n]) => `${s} ${((100 * n) / letters).toFixed(0)} %`).join(', ') },
    { name: 'answer', value: moment ? String(namesOf(moment).answer ?? 'none yet') : 'at the end, see the console: answer', type: 'number', evaluate: 'answer', dataId: 'answer' },
    { name: 'positions left', value: String(Math.max(0, generation.limit - generation.position)), type: 'number' },
    ...(generation.end === null ? [] : [{ name: 'end', value: generation.end }]),
  ];
}

async function layerVariables(generation: Generation, inside: Inside): Promise<Shown[]> {
  const lens = await inside.lens(generation);
  const tokens = new Map(lens.tokens.map((t) => [t.id, t]));
  return lens.layers.map((layer, i): Shown => {
    const best = Array.from({ length: lens.k }, (_, j) => ({ token: tokens.get(lens.topIds[i * lens.k + j]!)!, logprob: lens.topLogprobs[i * lens.k + j]!, rank: j + 1 }));
    return {
      name: layer === 0 ? '0 embeddings' : String(layer),
      value: `${shown(best[0]!.token)} ${percent(best[0]!.logprob)} · entropy ${number(lens.entropy[i]!, 2)} · KL ${number(lens.kl[i]!, 2)}`,
      evaluate: `lens ${layer}`,
      children: () => best.map(choiceVariable),
    };
  });
}

function forkVariables(generation: Generation): Shown[] {
  if (generation.forks.length === 0) return [{ name: 'none', value: 'a fork is kept when a token is forced' }];
  return generation.forks.map((f) => ({ name: String(f.number), value: `from token ${f.at}: ${JSON.stringify(f.text.slice(-60))}`, type: `${f.path.length} tokens`, evaluate: `fork ${f.number}` }));
}

function promptVariables({ summary }: Generation): Shown[] {
  return [{ name: 'text', value: JSON.stringify(summary.prompt) }, { name: 'tokens', value: String(summary.promptTokens) }];
}

async function softVariables(generation: Generation, inside: Inside): Promise<Shown[]> {
  const { summary, soft } = await inside.soft(generation);
  const tokens = new Map(soft.tokens.map((t) => [t.id, t]));
  const slots = summary.lm.positions.filter((p) => p.stage === 'soft').sort((a, b) => b.id - a.id);
  const near = (ids: Int32Array, values: Float32Array, slot: number): Shown[] =>
    Array.from({ length: soft.k }, (_, j) => ({ name: String(j + 1), value: `${shown(tokens.get(ids[slot * soft.k + j]!)!)} ${number(values[slot * soft.k + j]!, 3)}` }));
  const { embeddings } = soft;
  return [
    { name: 'norms of the vocabulary', value: `median ${number(embeddings.median, 2)}, 5 % to 95 %: ${number(embeddings.q05, 2)} to ${number(embeddings.q95, 2)}` },
    ...slots.map(({ source }, s): Shown => {
      const from = typeof source === 'number' ? shown(summary.encoder!.tokens[source]!) : source === null || source === undefined ? 'latent' : `${source} vector`;
      return {
        name: `${s} ← ${from}`,
        value: `norm ${number(soft.after[s]!, 2)} · nearest ${near(soft.cosineIds, soft.cosine, s)[0]!.value}`,
        children: () => [
          { name: 'norm before the alignment layer', value: Number.isNaN(soft.before[s]!) ? 'none: not made from an encoder state' : number(soft.before[s]!) },
          { name: 'norm after it', value: number(soft.after[s]!) },
          { name: 'nearest by cosine', value: '', children: () => near(soft.cosineIds, soft.cosine, s) },
          { name: 'nearest by distance', value: '', children: () => near(soft.distanceIds, soft.distance, s) },
        ],
      };
    }),
  ];
}

function encoderVariables(generation: Generation, inside: Inside): Shown[] {
  const { summary } = generation;
  return [
    { name: 'text', value: JSON.stringify(summary.encoderPrompt ?? summary.prompt) },
    {
      name: 'tokens', value: String(summary.encoderTokens),
      children: async () => (await inside.open(generation)).encoder!.tokens.map((t, i) => ({ name: String(i), value: shown(t), children: () => [{ name: 'id', value: String(t.id) }] })),
    },
    { name: 'soft vectors', value: String(summary.softRows) },
    { name: 'LLM text', value: JSON.stringify(summary.encoderPrompt === undefined ? '' : summary.prompt) },
  ];
}
