import { completeCalculation } from '../../core/calculator';
import { type Tokenizer } from '../tokenizer';

/**
 * The calculator on token ids: what goes on behind ids whose text ends in the equals sign of a calculation.
 *
 * The ids are those that the tokenizer gives behind an equals sign, as in training text. Where they would not decode to the
 * text that was meant, the calculation is left to the model.
 */
export function calculatorFor(tokenizer: Pick<Tokenizer, 'encode' | 'decode'>): (ids: readonly number[]) => readonly number[] | undefined {
  return (ids) => {
    const last = ids.at(-1);
    if (last === undefined || !tokenizer.decode([last]).includes('=')) return undefined;
    const text = tokenizer.decode(ids);
    const insert = completeCalculation(text)?.insert;
    if (insert === undefined) return undefined;
    const sign = tokenizer.encode('=', false);
    const behind = tokenizer.encode(`=${insert}`, false);
    const forced = sign.every((id, i) => behind[i] === id) ? behind.slice(sign.length) : tokenizer.encode(insert, false);
    return tokenizer.decode([...ids, ...forced]) === text + insert ? forced : undefined;
  };
}
