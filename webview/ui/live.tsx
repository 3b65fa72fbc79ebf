import { type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';

let speak: ((text: string) => void) | undefined;

/** Says a text to assistive technology without moving the focus. */
export function announce(text: string): void {
  speak?.(text);
}

/** The page's one live region. */
export function LiveRegion(): VNode {
  const [text, setText] = useState('');
  useEffect(() => {
    speak = setText;
    return () => {
      // Another page's region may have come before this one goes.
      if (speak === setText) speak = undefined;
    };
  }, []);
  return <div class="visually-hidden" role="status" aria-live="polite">{text}</div>;
}
