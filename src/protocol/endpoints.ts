/** One server of a run, as it is shown while the run moves. Nothing of this is written to the run. */
export interface EndpointView {
  /** Address without key. */
  readonly url: string;
  readonly state: 'ready' | 'waiting' | 'gone';
  /** Generated tokens per second over the last ten seconds. */
  readonly tokensPerSecond: number;
  /** Requests under way, and how many may be at present. */
  readonly inFlight: number;
  readonly limit: number;
  readonly done: number;
  /** Requests that failed, and what the last one said. */
  readonly errors: number;
  readonly lastError: string | null;
}

/** What a server was found to serve, before a run. Part of the run's fingerprint. */
export interface ServedModel {
  /** SHA-256 of the bundle's float32 LLM, which the server was checked against. */
  readonly fingerprint: string;
  /** Type that the server computes in: as its name says, else `float32` or `reduced` as the self-test shows. */
  readonly dtype: string;
}
