import { type VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { GetProblem, type ProblemView } from '../../src/protocol/panels';
import { Button } from '../ui/controls';
import { request } from '../ui/host';
import { t } from '../ui/l10n';
import { announce } from '../ui/live';
import { OUTCOME_MARK, outcomeWord } from './state';

export interface ProblemProps {
  readonly id: string;
  /** Changes when there are more samples. */
  readonly done: number;
  readonly onOpen: (language: string) => void;
  readonly onClose: () => void;
  readonly onError: (e: Error) => void;
}

type Cell = ProblemView['outcomes'][number];

function describe({ language, line }: Cell): string {
  const name = languageName(language);
  return line ? t('{0}: {1}, read {2}', name, outcomeWord(line.outcome), line.value ?? t('nothing')) : t('{0}: not asked yet', name);
}

/** One problem in every language: a strip with a keyboard cursor, and the same as a table. */
export function Problem({ id, done, onOpen, onClose, onError }: ProblemProps): VNode {
  const [view, setView] = useState<ProblemView | undefined>();
  const [cursor, setCursor] = useState(0);
  const [table, setTable] = useState(false);
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const abort = new AbortController();
    request(GetProblem, { id }, abort.signal)
      .then((answer) => !abort.signal.aborted && setView(answer))
      .catch((e: unknown) => !abort.signal.aborted && onError(e as Error));
    return () => abort.abort();
  }, [id, done, onError]);
  const cells = view?.outcomes ?? [];
  const move = (to: number): void => {
    const next = Math.max(0, Math.min(cells.length - 1, to));
    setCursor(next);
    strip.current?.querySelectorAll<HTMLButtonElement>('button')[next]?.focus();
    const cell = cells[next];
    if (cell) announce(describe(cell));
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = { ArrowRight: cursor + 1, ArrowLeft: cursor - 1, ArrowDown: cursor + 1, ArrowUp: cursor - 1, Home: 0, End: cells.length - 1 };
    const to = moves[e.key];
    if (to === undefined || e.altKey) return;
    e.preventDefault();
    move(to);
  };
  const right = cells.filter((c) => c.line?.outcome === 'right').length;
  return (
    <section class="problem" aria-label={t('Problem {0} in all languages', id)}>
      <div class="toolbar">
        <h2>{t('Problem {0} in all languages', id)} · {t('gold: {0}', view?.gold ?? '')} · {t('right in {0} of {1}', right, cells.filter((c) => c.line).length)}</h2>
        <Button onClick={() => setTable(!table)}>{table ? t('As strip') : t('As table')}</Button>
        <Button onClick={onClose}>{t('Close')}</Button>
      </div>
      {table ? (
        <table class="problem-table">
          <thead><tr><th scope="col">{t('Language')}</th><th scope="col">{t('Outcome')}</th><th scope="col">{t('Read')}</th></tr></thead>
          <tbody>{cells.map((c) => <tr key={c.language}><th scope="row">{languageName(c.language)}</th><td>{c.line ? outcomeWord(c.line.outcome) : t('not asked yet')}</td><td><bdi>{c.line?.value ?? ''}</bdi></td></tr>)}</tbody>
        </table>
      ) : (
        <div ref={strip} class="strip" role="toolbar" aria-label={t('Outcome by language')} onKeyDown={onKeyDown}>
          {cells.map((c, i) => (
            <button key={c.language} type="button" class={`cell outcome-${c.line?.outcome ?? 'none'}`} tabIndex={i === cursor ? 0 : -1} title={describe(c)} disabled={!c.line} onFocus={() => setCursor(i)} onClick={() => onOpen(c.language)}>
              <span aria-hidden="true">{c.language}</span>
              <span aria-hidden="true" class="cell-mark">{c.line ? OUTCOME_MARK[c.line.outcome] : '·'}</span>
              <span class="visually-hidden">{describe(c)}</span>
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
