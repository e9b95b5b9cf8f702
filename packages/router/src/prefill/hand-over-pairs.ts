// Which prefill workers and which decode workers can hand over to each other, by what their cards say. Found out when a
// card comes or goes, so that no request pays for a pair that cannot work.
import { compareHandOverTerms } from "@dyn/protocol";
import type { WorkerDirectory } from "../intake/worker-facts.ts";

export interface MismatchedPair {
  readonly prefillId: bigint;
  readonly decodeId: bigint;
  /** What is not alike, each by name. */
  readonly differences: readonly string[];
}

const none: ReadonlySet<bigint> = new Set();
/** Pairs that were told of; with more, what was told is told again. */
const mostTold = 4096;

export class HandOverPairs {
  readonly #decode: WorkerDirectory;
  readonly #onMismatch: ((pair: MismatchedPair) => void) | undefined;
  readonly #told = new Set<string>();
  #prefill: WorkerDirectory | null = null;
  #seen = "";
  #pairs: readonly MismatchedPair[] = [];
  #unusable: ReadonlySet<bigint> = none;
  /** By prefill worker. */
  #strangers: ReadonlyMap<bigint, ReadonlySet<bigint>> = new Map();

  /** `onMismatch`: once for each pair. */
  constructor(decode: WorkerDirectory, onMismatch?: (pair: MismatchedPair) => void) {
    this.#decode = decode;
    this.#onMismatch = onMismatch;
  }

  /** With workers of the pool; `null`: there is none. */
  mismatched(prefill: WorkerDirectory | null): readonly MismatchedPair[] {
    if (prefill === null) return [];
    this.#look(prefill);
    return this.#pairs;
  }

  /** Prefill workers of the pool from which no decode worker, or not the one that is given, can take over. */
  unusable(prefill: WorkerDirectory, decodeId: bigint | null = null): ReadonlySet<bigint> {
    this.#look(prefill);
    if (decodeId === null || this.#pairs.length === 0) return this.#unusable;
    return new Set(
      this.#pairs.filter((pair) => pair.decodeId === decodeId).map(({ prefillId }) => prefillId),
    );
  }

  /** Decode workers that cannot take over from a prefill worker. */
  strangers(prefill: WorkerDirectory, prefillId: bigint): ReadonlySet<bigint> {
    this.#look(prefill);
    return this.#strangers.get(prefillId) ?? none;
  }

  close(): Promise<void> {
    return this.#decode.close();
  }

  #look(prefill: WorkerDirectory): void {
    const seen = `${prefill.revision}:${this.#decode.revision}`;
    if (this.#prefill === prefill && this.#seen === seen) return;
    this.#prefill = prefill;
    this.#seen = seen;
    const decodeIds = this.#decode.workerIds;
    this.#pairs = prefill.workerIds.flatMap((prefillId) =>
      decodeIds.flatMap((decodeId) => this.#compare(prefill, prefillId, decodeId)),
    );
    const strangers = new Map<bigint, Set<bigint>>();
    for (const { prefillId, decodeId } of this.#pairs) {
      strangers.set(prefillId, (strangers.get(prefillId) ?? new Set()).add(decodeId));
    }
    this.#strangers = strangers;
    this.#unusable = new Set(
      [...strangers].filter(([, ids]) => ids.size === decodeIds.length).map(([id]) => id),
    );
    for (const pair of this.#pairs) this.#tell(pair);
  }

  #compare(prefill: WorkerDirectory, prefillId: bigint, decodeId: bigint): MismatchedPair[] {
    const terms = prefill.get(prefillId).handOver;
    const others = this.#decode.get(decodeId).handOver;
    const differences =
      terms === null || others === null ? [] : compareHandOverTerms(terms, others);
    return differences.length === 0 ? [] : [{ prefillId, decodeId, differences }];
  }

  #tell(pair: MismatchedPair): void {
    const key = `${pair.prefillId}:${pair.decodeId}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= mostTold) this.#told.clear();
    this.#told.add(key);
    this.#onMismatch?.(pair);
  }
}
