import { useEffect, useState } from 'preact/hooks';
import { type Style } from './plot';
import { type Colouring } from './state';

/** The theme's colours as a canvas takes them. */
export interface Theme {
  readonly series: readonly string[];
  readonly right: string;
  readonly wrong: string;
  readonly unread: string;
  readonly failed: string;
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly ground: string;
  readonly focus: string;
}

function read(): Theme {
  const style = getComputedStyle(document.body);
  const of = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const text = style.color;
  return {
    series: ['blue', 'red', 'green', 'orange', 'purple', 'yellow'].map((name) => of(`--vscode-charts-${name}`, text)),
    right: of('--vscode-testing-iconPassed', of('--vscode-charts-green', text)), wrong: of('--vscode-testing-iconFailed', of('--vscode-charts-red', text)), unread: of('--vscode-editorWarning-foreground', text),
    failed: of('--vscode-errorForeground', text), text, quiet: of('--vscode-descriptionForeground', text), line: of('--vscode-panel-border', text), ground: of('--vscode-editor-background', 'Canvas'), focus: of('--vscode-focusBorder', text),
  };
}

/** The theme, read again when VS Code changes the body's class or the variables with it. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState(read);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(read()));
    observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
    return () => observer.disconnect();
  }, []);
  return theme;
}

/** Looks of `n` categories: 6 colours × 8 shapes, so that all 48 languages can be told apart. */
export function stylesOf(theme: Theme, colour: Colouring, n: number): Style[] {
  if (colour === 'outcome') return [theme.right, theme.wrong, theme.unread, theme.failed, theme.quiet].map((c, shape) => ({ colour: c, shape: [0, 6, 3, 2, 5][shape]! }));
  const six = theme.series.length;
  // Few categories differ in both colour and shape; many in one of them at least.
  return Array.from({ length: n }, (_, i) => ({ colour: theme.series[i % six]!, shape: n <= six ? i : Math.floor(i / six) }));
}
