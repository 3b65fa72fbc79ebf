import { type Outcome } from '../../src/protocol/panels';
import { t } from './l10n';

export function outcomeWord(outcome: Outcome): string {
  switch (outcome) {
    case 'right': return t('right');
    case 'wrong': return t('wrong');
    case 'unread': return t('unread');
    case 'failed': return t('failed');
  }
}

export const OUTCOME_MARK: Readonly<Record<Outcome, string>> = { right: '✓', wrong: '✗', unread: '–', failed: '!' };

/** Why a wrong sample is wrong, in words; the error itself when it is a new one. */
export function errorWord(error: string): string {
  const words: Readonly<Record<string, string>> = {
    'no-answer': t('no answer'), 'unread-answer': t('unread answer'), 'wrong-number': t('wrong number'), 'wrong-choice': t('wrong choice'), 'other-reading': t('right in another reading'),
    'power-of-ten': t('off by a power of ten'), sign: t('wrong sign'), truncated: t('truncated'), repetition: t('repetition'), 'wrong-language': t('wrong language'),
    'copied-number': t('copied a number of the question'), empty: t('empty'), failed: t('failed'),
  };
  return words[error] ?? error;
}
