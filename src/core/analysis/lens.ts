/** One distribution over the vocabulary. Logarithms are natural. */
export interface NextTokenView {
  /** [vocabulary] */
  readonly logprobs: Float64Array;
  readonly probabilities: Float64Array;
  /** In nats. */
  readonly entropy: number;
}

/** Softmax of logits in double precision, with its logarithm and entropy. */
export function nextTokenView(logits: Float32Array): NextTokenView {
  const V = logits.length;
  let max = -Infinity;
  for (let i = 0; i < V; i++) if (logits[i]! > max) max = logits[i]!;
  const probabilities = new Float64Array(V);
  let sum = 0;
  for (let i = 0; i < V; i++) sum += probabilities[i] = Math.exp(logits[i]! - max);
  const shift = max + Math.log(sum);
  const logprobs = new Float64Array(V);
  let entropy = 0;
  for (let i = 0; i < V; i++) {
    const lp = logits[i]! - shift;
    const p = probabilities[i]! / sum;
    logprobs[i] = lp;
    probabilities[i] = p;
    if (p > 0) entropy -= p * lp;
  }
  return { logprobs, probabilities, entropy };
}

/** D(reference ‖ other) in nats. Rounding can not make it negative. */
export function klDivergence(reference: NextTokenView, other: NextTokenView): number {
  let kl = 0;
  for (let i = 0; i < reference.logprobs.length; i++) {
    const p = reference.probabilities[i]!;
    if (p > 0) kl += p * (reference.logprobs[i]! - other.logprobs[i]!);
  }
  return Math.max(0, kl);
}

/** 1 + the number of values above that of `index`. */
export function rankOf(values: ArrayLike<number>, index: number): number {
  const own = values[index]!;
  let rank = 1;
  for (let i = 0; i < values.length; i++) if (values[i]! > own) rank += 1;
  return rank;
}

/** The best `k` of a stream of values, best (largest) first; of equal ones the one that came first. */
export class TopK {
  readonly indices: number[] = [];
  readonly values: number[] = [];

  constructor(private readonly k: number) {}

  offer(index: number, value: number): void {
    const { indices, values, k } = this;
    if (values.length === k && !(value > values[k - 1]!)) return;
    let at = values.length;
    while (at > 0 && value > values[at - 1]!) at -= 1;
    indices.splice(at, 0, index);
    values.splice(at, 0, value);
    if (values.length > k) {
      indices.pop();
      values.pop();
    }
  }
}

/** Indices of the `k` largest values, best first; of equal ones the lower index comes first. */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  const top = new TopK(k);
  for (let i = 0; i < values.length; i++) top.offer(i, values[i]!);
  return top.indices;
}
