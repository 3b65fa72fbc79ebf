import { Handles } from '@vscode/debugadapter';
import { type DebugProtocol } from '@vscode/debugprotocol';
import { type EngineOptions } from '../../engine/client';
import { type LaunchArguments, type Setup } from '../launch';
import { type Generation } from '../runtime/generation';
import { type Inside } from '../runtime/inside';
import { type Runtime } from '../runtime/runtime';
import { type Answer, COMMANDS, idsOf, runCommand } from './console';
import { tokenSummary } from './hover';
import { type Args, BadRequest, integer, integerOr, text } from './params';
import { type Places } from './places';
import { documentText, placeOf } from './shown';
import { type Shown, type Stage, stagesOf } from './variables';

export interface InspectorContext {
  readonly setup: Setup;
  readonly args: LaunchArguments;
  readonly runtime: Runtime;
  readonly inside: Inside;
  readonly engine?: EngineOptions;
  readonly places: Places;
  source(generation: Generation): DebugProtocol.Source;
  attention(generation: Generation): void;
  /** Everything that is shown is out of date. */
  refresh(): void;
  say(line: string): void;
}

type Body<R extends { body?: unknown }> = NonNullable<R['body']>;

/** Frames of a thread have the ids thread × FRAMES + stage. */
const FRAMES = 10;
const WORDS: Readonly<Record<string, string>> = { entropy: 'entropy', script: 'script of the text', answer: 'answer number' };

/** Frames, variables, data breakpoints' targets and the console: everything that looks and does not move. */
export class Inspector {
  private readonly handles = new Handles<() => Promise<readonly Shown[]> | readonly Shown[]>();
  private readonly setters = new Map<number, Map<string, NonNullable<Shown['set']>>>();

  constructor(private readonly context: InspectorContext) {}

  /** References of before are gone. */
  reset(): void {
    this.handles.reset();
    this.setters.clear();
  }

  private reference(list: Shown['children']): number {
    return list ? this.handles.create(list) : 0;
  }

  /** Thread and stage of a frame's id. */
  frame(id: number): { readonly generation: Generation; readonly stage: number } {
    const generation = this.context.runtime.generations.find((g) => g.id === Math.floor(id / FRAMES));
    const stage = id % FRAMES;
    if (!generation || stage >= this.stages(generation).length) throw new BadRequest(`There is no frame ${id}.`);
    return { generation, stage };
  }

  private stages(generation: Generation): Stage[] {
    const { runtime, inside, say } = this.context;
    return stagesOf(generation, inside, async (wanted) => {
      const { ids, words } = await idsOf(wanted, generation);
      if (ids.length !== 1) throw new Error(`That is ${ids.length} tokens: ${words}. One token can be chosen here; force … in the console takes several.`);
      const fork = await runtime.force(generation.id, ids[0]!);
      if (fork) say(`Token ${generation.position} is now ${words}. The other way is fork ${fork.number}.\n`);
    });
  }

  stackTrace(args: Args, generation: Generation): Body<DebugProtocol.StackTraceResponse> {
    const { places } = this.context;
    const whole = documentText(generation);
    const [start, stop] = [placeOf(whole, generation.text.length), placeOf(whole, whole.length)];
    const at = { line: places.line(start.line), column: places.column(start.column), endLine: places.line(stop.line), endColumn: places.column(stop.column) };
    // All stages stand at the present token: choosing one keeps the text of its thread in front.
    const frames = this.stages(generation).map((s, i): DebugProtocol.StackFrame => ({ id: generation.id * FRAMES + i, name: s.name, source: this.context.source(generation), canRestart: true, ...at }));
    const [from, levels] = [integerOr(args, 'startFrame', 0), integerOr(args, 'levels', 0)];
    return { stackFrames: frames.slice(from, levels > 0 ? from + levels : undefined), totalFrames: frames.length };
  }

  scopes(args: Args): Body<DebugProtocol.ScopesResponse> {
    const { generation, stage } = this.frame(integer(args, 'frameId'));
    return { scopes: this.stages(generation)[stage]!.scopes.map((s) => ({ name: s.name, variablesReference: this.reference(s.list), expensive: s.expensive })) };
  }

  async variables(args: Args): Promise<Body<DebugProtocol.VariablesResponse>> {
    const reference = integer(args, 'variablesReference');
    const list = this.handles.get(reference);
    if (!list) throw new BadRequest(`There are no variables ${reference} any more.`);
    const shown = await list();
    const setters = new Map(shown.flatMap((v) => (v.set ? [[v.name, v.set] as const] : [])));
    if (setters.size > 0) this.setters.set(reference, setters);
    const [start, count] = [integerOr(args, 'start', 0), integerOr(args, 'count', 0)];
    return { variables: shown.slice(start, count > 0 ? start + count : undefined).map((v) => this.variable(v)) };
  }

  private variable(v: Shown): DebugProtocol.Variable {
    return {
      name: v.name, value: v.value, variablesReference: this.reference(v.children), ...(v.type === undefined ? {} : { type: v.type }),
      ...(v.evaluate === undefined ? {} : { evaluateName: v.evaluate }), ...(v.set ? {} : { presentationHint: { attributes: ['readOnly'] } }),
    };
  }

  async setVariable(args: Args): Promise<Body<DebugProtocol.SetVariableResponse>> {
    const [reference, name] = [integer(args, 'variablesReference'), text(args, 'name')];
    const set = this.setters.get(reference)?.get(name);
    if (!set) throw new Error(`"${name}" cannot be changed. The chosen token can.`);
    const value = text(args, 'value');
    await set(value);
    this.context.refresh();
    return { value };
  }

  async dataInfo(args: Args): Promise<Body<DebugProtocol.DataBreakpointInfoResponse>> {
    const name = text(args, 'name');
    const reference = integerOr(args, 'variablesReference', 0);
    const no = (description: string): Body<DebugProtocol.DataBreakpointInfoResponse> => ({ dataId: null, description });
    const yes = (dataId: string, description: string): Body<DebugProtocol.DataBreakpointInfoResponse> => ({ dataId, description, accessTypes: ['write'], canPersist: false });
    if (reference > 0) {
      const found = (await this.handles.get(reference)?.())?.find((v) => v.name === name);
      if (!found) return no(`There is no "${name}" here.`);
      if (found.dataId === undefined) return no(`"${name}" does not change by itself.`);
      return yes(found.dataId, WORDS[found.dataId] ?? `p(token ${found.dataId.slice(2)})`);
    }
    if (name in WORDS) return yes(name, WORDS[name]!);
    const call = /^p\((.*)\)$/s.exec(name.trim());
    if (!call) return no(`"${name}" cannot be watched. entropy, script, answer and p("text") can.`);
    const { ids, words } = await idsOf(call[1]!, this.focus(args));
    return yes(`p:${ids[0]}`, ids.length === 1 ? `p(${words})` : `p of the first of ${ids.length} tokens: ${words}`);
  }

  private focus(args: Args): Generation {
    const { runtime } = this.context;
    return args.frameId === undefined ? runtime.generation(runtime.last?.generation ?? 1) : this.frame(integer(args, 'frameId')).generation;
  }

  /** The console runs commands; hovers and watches only compute. */
  async evaluate(args: Args): Promise<Body<DebugProtocol.EvaluateResponse>> {
    const { runtime } = this.context;
    const expression = text(args, 'expression');
    const generation = this.focus(args);
    const of = (answer: Answer): Body<DebugProtocol.EvaluateResponse> => ({ result: answer.text, variablesReference: this.reference(answer.children && (() => answer.children!)) });
    const at = /^token\((\d+)\)$/.exec(expression.trim());
    if (at) return of(tokenSummary(generation, Number(at[1])));
    if (args.context !== undefined && args.context !== 'repl') return of({ text: String(await runtime.evaluate(generation, expression)) });
    if (runtime.busy) throw new Error('The generation is running. Pause it first.');
    return of(await runCommand(expression, { ...this.context, generation, attention: () => this.context.attention(generation) }));
  }

  completions(args: Args): Body<DebugProtocol.CompletionsResponse> {
    const before = text(args, 'text').slice(0, Math.max(0, integerOr(args, 'column', 1) - this.context.places.column(0)));
    const word = /[a-z]*$/.exec(before)![0];
    return { targets: COMMANDS.filter(([usage]) => usage.startsWith(word)).map(([usage, help]) => ({ label: usage, detail: help, text: usage.replace(/<.*>/, ''), start: before.length - word.length, length: word.length, type: 'function' })) };
  }
}
