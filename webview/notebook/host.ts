import { type OutputAction, type ToHost, type ToRenderer } from '../../src/protocol/notebook';
import { type SampleView } from '../../src/protocol/panels';
import { setStrings } from '../ui/l10n';

/** What VS Code gives a notebook renderer; messaging is missing where the extension does not run. */
export interface RendererContext {
  readonly postMessage?: (message: unknown) => void;
  readonly onDidReceiveMessage?: (listener: (message: unknown) => void) => void;
}

type Without<T> = T extends unknown ? Omit<T, 'request'> : never;
/** A message that is answered, before it has its number. */
export type Question = Without<Exclude<ToHost, { type: 'hello' }>>;

interface Waiting {
  readonly resolve: (view: SampleView | undefined) => void;
  readonly reject: (e: Error) => void;
}

/** The way to the extension host: numbered questions and their answers. */
export class Host {
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private able: readonly OutputAction[] = [];

  /** @param onReady called when the host has said what it can do and in which language */
  constructor(private readonly context: RendererContext, onReady: () => void) {
    context.onDidReceiveMessage?.((raw) => {
      const message = raw as ToRenderer;
      if (message?.type === 'hello') {
        setStrings(message.strings);
        this.able = message.can;
        onReady();
      } else if (message?.type === 'answer') {
        const one = this.waiting.get(message.request);
        this.waiting.delete(message.request);
        if (message.error !== undefined) one?.reject(new Error(message.error));
        else one?.resolve(message.view);
      }
    });
    context.postMessage?.({ type: 'hello' } satisfies ToHost);
  }

  get connected(): boolean {
    return this.context.postMessage !== undefined;
  }

  can(action: OutputAction): boolean {
    return this.able.includes(action);
  }

  ask(question: Question): Promise<SampleView | undefined> {
    const { postMessage } = this.context;
    if (!postMessage) return Promise.reject(new Error('The extension is not connected.'));
    const request = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(request, { resolve, reject });
      postMessage({ ...question, request });
    });
  }
}
