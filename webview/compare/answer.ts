import { useEffect, useState } from 'preact/hooks';
import { type RequestType } from 'vscode-jsonrpc/browser';
import { request } from '../ui/host';

export interface Answer<R> {
  /** The last answer; while another is awaited, still the old one. */
  readonly value: R | undefined;
  readonly busy: boolean;
}

/** The host's answer to a question that is asked again whenever it changes; null asks nothing. What is out of date is cancelled. */
export function useAnswer<P, R>(type: RequestType<P, R, void>, params: P | null, onError: (e: Error) => void): Answer<R> {
  const [state, setState] = useState<{ readonly key: string; readonly value: R } | undefined>();
  const [failed, setFailed] = useState('');
  const key = JSON.stringify(params);
  useEffect(() => {
    if (params === null) return undefined;
    const abort = new AbortController();
    request(type, params, abort.signal)
      .then((value) => !abort.signal.aborted && setState({ key, value }))
      .catch((e: unknown) => {
        if (abort.signal.aborted) return;
        setFailed(key);
        onError(e as Error);
      });
    return () => abort.abort();
    // `key` stands for `params`.
  }, [type, key, onError]);
  return { value: state?.value, busy: params !== null && state?.key !== key && failed !== key };
}
