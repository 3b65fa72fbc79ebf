import { render, type VNode } from 'preact';
import { isLiftOutput } from '../../src/protocol/notebook';
import { t } from '../ui/l10n';
import { EvalView } from './eval';
import { Host, type RendererContext } from './host';
import { Guard } from './parts';
import { PromptView } from './prompt';
import css from './style.css';

interface OutputItem {
  readonly id: string;
  readonly mime: string;
  json(): unknown;
}

interface Renderer {
  renderOutputItem(item: OutputItem, element: HTMLElement): void;
  disposeOutputItem(id?: string): void;
}

// A constructed sheet is no inline style, and a shadow root keeps the outputs of other renderers apart.
const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

function valueOf(item: OutputItem): unknown {
  try {
    return item.json();
  } catch {
    return undefined;
  }
}

/** VS Code calls this once for each notebook's page. */
export function activate(context: RendererContext): Renderer {
  const shown = new Map<string, { readonly root: ShadowRoot; value: unknown }>();
  const draw = ({ root, value }: { readonly root: ShadowRoot; readonly value: unknown }): void => {
    let view: VNode;
    if (!isLiftOutput(value)) view = <p class="notice">{t('This output cannot be shown: it is damaged or of another version. Run the cell again.')}</p>;
    else view = value.kind === 'prompt' ? <PromptView output={value} host={host} /> : <EvalView output={value} host={host} />;
    render(<Guard>{view}</Guard>, root);
  };
  const host = new Host(context, () => shown.forEach(draw));
  return {
    renderOutputItem(item, element) {
      const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [sheet];
      const entry = { root, value: valueOf(item) };
      shown.set(item.id, entry);
      draw(entry);
    },
    disposeOutputItem(id) {
      for (const [key, { root }] of [...shown]) {
        if (id !== undefined && key !== id) continue;
        render(null, root);
        shown.delete(key);
      }
    },
  };
}
