import { EngineClient, type EngineOptions } from '../../engine/client';
import { openBundle } from '../../bundle';
import { resolveBundle } from '../../runs/locations';
import { choosePrecision } from '../../runs/session';
import { itemOf, type LaunchArguments, type Setup, stopsOf } from '../launch';
import { unquote } from '../runtime/expression';
import { shown, percent } from '../runtime/facts';
import { Generation } from '../runtime/generation';
import { type Inside } from '../runtime/inside';
import { type Runtime } from '../runtime/runtime';
import { show } from '../runtime/breakpoints';
import { choiceVariable, type Shown } from './variables';

/** The commands of the debug console, with what they do. */
export const COMMANDS: readonly (readonly [usage: string, help: string])[] = [
  ['topk 20', 'the most probable tokens here'],
  ['p("18")', 'probability of a text as what comes next; any expression of conditions can be computed, such as entropy > 2'],
  ['lens 6', 'what a layer would say next; lens alone shows all layers'],
  ['force " 18"', 'choose another token: text, or an id such as force #123; several tokens are taken one after the other'],
  ['goto 12', 'go back to before token 12'],
  ['fork 3', 'return to a fork; fork alone lists them'],
  ['attention', 'show the attention of the present token, and let the panel follow'],
  ['compare <bundle>', 'what another bundle generates for the same problem, and where it differs'],
  ['help', 'this list'],
];

export interface ConsoleContext {
  readonly setup: Setup;
  readonly args: LaunchArguments;
  readonly runtime: Runtime;
  readonly inside: Inside;
  readonly generation: Generation;
  readonly engine?: EngineOptions;
  readonly attention: () => void;
  /** Everything that is shown is out of date. */
  readonly refresh: () => void;
}

export interface Answer {
  readonly text: string;
  readonly children?: readonly Shown[];
}

/** @throws Error in words when the command cannot be done */
export async function runCommand(line: string, context: ConsoleContext): Promise<Answer> {
  const found = /^\s*([a-z]+)(?:\s+(.*?))?\s*$/s.exec(line);
  const [word, rest] = [found?.[1] ?? '', found?.[2] ?? ''];
  const { generation, runtime, inside } = context;
  switch (word) {
    case 'help': return { text: COMMANDS.map(([usage, help]) => `${usage.padEnd(18)} ${help}`).join('\n') };
    case 'topk': {
      const k = rest === '' ? 20 : count(rest, 'topk', 1000);
      const top = await generation.top(k);
      return { text: top.map((c) => `${String(c.rank).padStart(4)}  ${percent(c.logprob)}  ${shown(c.token)}  ${c.token.id}`).join('\n'), children: top.map(choiceVariable) };
    }
    case 'lens': return lens(generation, inside, rest === '' ? undefined : count(rest, 'lens', Infinity));
    case 'force': return force(rest, context);
    case 'goto': {
      await runtime.goto(generation.id, count(rest, 'goto', Infinity));
      return { text: `At token ${generation.position}.` };
    }
    case 'fork': {
      if (rest === '') return { text: generation.forks.length === 0 ? 'There is no fork yet. One is kept when a token is forced.' : generation.forks.map((f) => `fork ${f.number}: from token ${f.at}, ${f.path.length} tokens, ${JSON.stringify(f.text.slice(-60))}`).join('\n') };
      await runtime.return(generation.id, count(rest, 'fork', Infinity));
      return { text: `On fork ${rest}, at token ${generation.position}.` };
    }
    case 'attention':
      if (rest !== '') break;
      context.attention();
      return { text: 'The attention panel is asked to show this token. It follows from now on.' };
    case 'compare': return compare(rest, context);
    default: break;
  }
  return { text: show(await runtime.evaluate(generation, line)) };
}

function count(text: string, command: string, most: number): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n > most) throw new Error(`"${command}" takes a whole number${most === Infinity ? '' : ` up to ${most}`}, such as ${command} 6.`);
  return n;
}

async function lens(generation: Generation, inside: Inside, layer: number | undefined): Promise<Answer> {
  const result = await inside.lens(generation, layer, layer === undefined ? 1 : 10);
  const tokens = new Map(result.tokens.map((t) => [t.id, t]));
  const lines = result.layers.flatMap((l, i) => {
    const best = Array.from({ length: result.k }, (_, j) => `${percent(result.topLogprobs[i * result.k + j]!)}  ${shown(tokens.get(result.topIds[i * result.k + j]!)!)}`);
    return layer === undefined ? [`${String(l).padStart(3)}  ${best[0]}`] : [`layer ${l}: entropy ${result.entropy[i]!.toFixed(3)} nats, KL from the last layer ${result.kl[i]!.toFixed(3)}`, ...best.map((b, j) => `${String(j + 1).padStart(4)}  ${b}`)];
  });
  return { text: lines.join('\n') };
}

/** Ids that a text names, or `#123`. A number without the sign is text, for answers are numbers. */
export async function idsOf(text: string, generation: Generation): Promise<{ readonly ids: readonly number[]; readonly words: string }> {
  const wanted = text.trim();
  if (/^#\d+$/.test(wanted)) return { ids: [Number(wanted.slice(1))], words: `token ${wanted}` };
  const quoted = /^(["']).*\1$/s.test(wanted) && wanted.length > 1;
  const plain = quoted ? unquote(wanted) : text;
  if (plain === '') throw new Error('Give the text of a token, or its id as #123.');
  const [found] = await generation.probabilities([plain]);
  return { ids: found!.tokens.map((t) => t.id), words: found!.tokens.map(shown).join(' ') };
}

async function force(rest: string, { generation, runtime, refresh }: ConsoleContext): Promise<Answer> {
  const { ids, words } = await idsOf(rest, generation);
  const fork = await runtime.force(generation.id, ids[0]!);
  // Of several tokens all but the last are taken, so that the last is what is chosen now.
  for (const id of ids.slice(1)) {
    await runtime.next(generation.id, 'token');
    await runtime.force(generation.id, id);
  }
  refresh();
  return { text: `Chosen: ${words}.${fork ? ` The other way is fork ${fork.number}.` : ''}` };
}

const COMPARED = 256;

/** Generates with another bundle in an engine of its own, as far as this generation went, and says where the texts part. */
async function compare(name: string, { setup, args, generation, engine }: ConsoleContext): Promise<Answer> {
  if (name === '') throw new Error('Which bundle? Give its folder, or the name of a demo bundle.');
  const plain = /^(["']).*\1$/s.test(name) ? unquote(name) : name;
  const dir = resolveBundle(plain);
  const { manifest } = await openBundle(dir, {});
  const has = Object.keys(manifest.precisions).includes(setup.precision);
  const precision = choosePrecision(manifest, has ? setup.precision : undefined, args.provider);
  const problem = setup.problems[generation.id - 1]!;
  const client = new EngineClient(engine);
  try {
    await client.load({ dir, precision, provider: args.provider ?? 'auto', threads: args.threads ?? 0, memoryCeiling: 0, batch: 1, lazy: true });
    const { template } = manifest.prompts;
    const steps = Math.min(COMPARED, Math.max(generation.position, 32));
    const other = new Generation(client.step, 1, { name: manifest.name, language: problem.language, item: itemOf(problem, template, setup.benchmark), maxNewTokens: steps, stop: stopsOf(manifest, template) });
    await other.open();
    while (other.end === null) await other.take();
    const [a, b] = [generation.text, other.text];
    let same = 0;
    while (same < a.length && same < b.length && a[same] === b[same]) same += 1;
    const mean = (g: Generation): string => (g.position === 0 ? '–' : ((g.tokens.at(-1)!.cumulative) / g.position).toFixed(3));
    return {
      text: [
        `${manifest.name} (${precision}, template ${template}): ${other.position} tokens, ended by ${other.end}, mean log-probability ${mean(other)} (${setup.manifest.name}, ${generation.position} tokens: ${mean(generation)})`,
        a === '' ? 'There is no text here yet to compare with.' : same === a.length ? 'It begins with the same text.' : same === 0 ? 'The texts differ from the first character on.' : `The texts agree up to ${JSON.stringify(a.slice(Math.max(0, same - 30), same))}.`,
        b,
      ].join('\n'),
    };
  } finally {
    await client.close();
  }
}
