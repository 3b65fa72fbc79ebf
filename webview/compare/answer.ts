import { useEffect, useState } from 'preact/hooks';
import { type RequestType } from 'vscode-jsonrpc/browser';
import { request } from '../ui/host';

export interface Answer<P, R> {
  /** The last answer; while another is awaited, still the old one. */
  readonly value: R | undefined;
  /** The question that `value` answers. */
  readonly asked: P | undefined;
  readonly busy: boolean;
}

/** The host's answer to a question that is asked again whenever it changes; null asks nothing. What is out of date is cancelled. */
export function useAnswer<P, R>(type: RequestType<P, R, void>, params: P | null, onError: (e: Error) => void): Answer<P, R> {
  const [state, setState] = useState<{ readonly key: string; readonly asked: P; readonly value: R } | undefined>();
  const [failed, setFailed] = useState('');
  const key = JSON.stringify(params);
  useEffect(() => {
    if (params === null) return undefined;
    const abort = new AbortController();
    request(type, params, abort.signal)
      .then((value) => !abort.signal.aborted && setState({ key, asked: params, value }))
      .catch((e: unknown) => {
        if (abort.signal.aborted) return;
        setFailed(key);
        onError(e as Error);
      });
    return () => abort.abort();
    // `key` stands for `params`.
  }, [type, key, onError]);
  return { value: state?.value, asked: state?.asked, busy: params !== null && state?.key !== key && failed !== key };
}
