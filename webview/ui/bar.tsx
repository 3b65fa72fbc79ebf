import { type VNode } from 'preact';

export interface BarProps {
  /** Share of 0 to 1, with its interval where that is shown. */
  readonly value: number;
  readonly interval?: readonly [number, number];
  /** Drawn pale while the language is not complete. */
  readonly partial: boolean;
  /** Share of the best trivial answer, drawn as a dashed stroke. */
  readonly floor?: number;
  /** Published shares, drawn as ticks at the lower edge. */
  readonly marks?: readonly number[];
}

const WIDTH = 200;
const HEIGHT = 16;

/** An accuracy bar with its interval. The numbers stand beside it in the row, so the drawing is hidden from assistive technology. */
export function Bar({ value, interval, partial, floor, marks = [] }: BarProps): VNode {
  const x = (share: number): number => Math.round(share * WIDTH * 10) / 10;
  return (
    <svg class={partial ? 'bar partial' : 'bar'} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect class="bar-back" x="0" y="2" width={WIDTH} height={HEIGHT - 4} />
      <rect class="bar-value" x="0" y="2" width={x(value)} height={HEIGHT - 4} />
      {floor !== undefined && <path class="bar-floor" d={`M${x(floor)} 0V${HEIGHT}`} vector-effect="non-scaling-stroke" />}
      {marks.length > 0 && <path class="bar-mark" d={marks.map((m) => `M${x(m)} 12V${HEIGHT}`).join('')} vector-effect="non-scaling-stroke" />}
      {interval && <path class="bar-interval" d={`M${x(interval[0])} 8H${x(interval[1])}M${x(interval[0])} 4V12M${x(interval[1])} 4V12`} vector-effect="non-scaling-stroke" />}
    </svg>
  );
}
