import type { PrefillDecision } from "./prefill-decision.ts";

const capacity = 512;

/** The last decisions on prefill; an older one makes room for each new one. */
export class DecisionLog {
  readonly #model: string;
  readonly #onDecision: ((decision: PrefillDecision) => void) | undefined;
  readonly #decisions: PrefillDecision[] = [];
  #sequence = 0;

  constructor(model: string, onDecision?: (decision: PrefillDecision) => void) {
    this.#model = model;
    this.#onDecision = onDecision;
  }

  add(facts: Omit<PrefillDecision, "sequence" | "atMs" | "model">): PrefillDecision {
    const sequence = this.#sequence++;
    const decision = { ...facts, sequence, atMs: Date.now(), model: this.#model };
    this.#decisions[sequence % capacity] = decision;
    this.#onDecision?.(decision);
    return decision;
  }

  /** Newest first. */
  list(limit = capacity): PrefillDecision[] {
    return this.#decisions.toSorted((a, b) => b.sequence - a.sequence).slice(0, limit);
  }
}
