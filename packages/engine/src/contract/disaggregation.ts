// Prefill and decode on two engines: what a request says of it, and what an engine says of itself.

export type DisaggregationMode = "prefill" | "decode" | "null";

/** Where the two halves of a request meet. */
export interface RequestDisaggregation {
  /**
   * `prefill`: compute the prompt, sample the first token of each choice, hand both over, and end with `length`
   * once the other side has them. `decode`: take them over and go on; nothing of the prompt is computed here.
   */
  readonly role: "prefill" | "decode";
  /** Of the prefill engine's bootstrap server. SGLang's `bootstrap_host`. */
  readonly bootstrapHost: string;
  /** SGLang's `bootstrap_port`. */
  readonly bootstrapPort: number;
  /** The one thing that both sides know: drawn from 0 .. 2^63 - 1. SGLang's `bootstrap_room`. */
  readonly bootstrapRoom: bigint;
  /** For the decode side: the prefill engine's data-parallel rank, when it was chosen. Absent or `null` = by room. */
  readonly prefillDpRank?: number | null;
}

/** The part of an engine in disaggregated serving. */
export interface EngineDisaggregation {
  readonly mode: DisaggregationMode;
  /** Where decode engines ask; `null` when this engine hands nothing over. */
  readonly bootstrapHost: string | null;
  readonly bootstrapPort: number | null;
  /** Ways by which KV can go: each pair of engines takes the first one that both have. */
  readonly transports: readonly ("shm" | "tcp")[];
}

/** Counters only grow. A lease is a claim of the other side on pages: they are neither freed nor reused while it is open. */
export interface HandOverMetrics {
  /** Prefill: requests that wait for their decode side. */
  readonly waitingForDecode: number;
  /** Prefill: requests whose KV is on its way, or not acknowledged yet. */
  readonly handingOver: number;
  /** Decode: requests that wait for pages. */
  readonly waitingForPages: number;
  /** Decode: requests that have pages and wait for KV. */
  readonly receiving: number;
  readonly leasesOpen: number;
  readonly leasedPages: number;
  /** How leases ended. */
  readonly leasesAcknowledged: number;
  readonly leasesCancelled: number;
  readonly leasesExpired: number;
  readonly leasesFailed: number;
  /** KV bytes sent or received. */
  readonly transferredBytes: number;
  /** Seconds from the pages' allocation to the acknowledgement, summed over acknowledged leases. */
  readonly transferSeconds: number;
  /** Requests that ended because the other side was never reached. */
  readonly bootstrapFailures: number;
  /** Requests that ended because their KV did not arrive. */
  readonly transferFailures: number;
}
