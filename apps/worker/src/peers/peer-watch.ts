// The other half of each pair, as it registers: prefill workers seen by decode workers of the same model and namespace, and
// the other way round. One that KV cannot be handed over to or taken over from is named at once, before any request.
import { compareHandOverTerms, type ModelCard } from "@dyn/protocol";
import { type Discovery, type DiscoveryEvent, parseEndpointId } from "@dyn/runtime";

/** A fleet's worth; more are not told apart, and two engines that meet look again. */
const mostPeers = 4096;

export interface PeerWatchOptions {
  readonly discovery: Discovery;
  /** Of this worker. */
  readonly card: ModelCard;
  /** Once for each card of such a worker, with a sentence that names it. */
  readonly onMismatch: (problem: string) => void;
  /** How many there are now. */
  readonly onCount: (count: number) => void;
  readonly onProblem: (message: string, error: unknown) => void;
}

export class PeerWatch {
  readonly #options: PeerWatchOptions;
  readonly #end = new AbortController();
  readonly #watching: Promise<void>;
  /** By key in discovery. */
  readonly #problems = new Map<string, string>();

  constructor(options: PeerWatchOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  /** `null`: this worker can work with all of them. */
  get notice(): string | null {
    const [first, ...others] = this.#problems.values();
    if (first === undefined) return null;
    return others.length === 0 ? first : `${first} The same goes for ${others.length} more.`;
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { discovery, card, onProblem } = this.#options;
    const { signal } = this.#end;
    const prefix = parseEndpointId(card.endpoint).namespace;
    try {
      for await (const event of discovery.watch("v1/mdc", { prefix, signal })) this.#see(event);
    } catch (error) {
      if (!signal.aborted) onProblem("The watch of the other halves' cards ended.", error);
    }
  }

  #see(event: DiscoveryEvent): void {
    const { card, onMismatch, onCount } = this.#options;
    if (event.type === "synced") return;
    const before = this.#problems.get(event.key);
    this.#problems.delete(event.key);
    if (event.type === "put" && event.record.type === "model") {
      const { instanceId, card: other } = event.record;
      const problem = mismatchOf(card, other, instanceId);
      if (problem !== null && this.#problems.size < mostPeers) {
        this.#problems.set(event.key, problem);
        if (problem !== before) onMismatch(problem);
      }
    }
    onCount(this.#problems.size);
  }
}

function mismatchOf(card: ModelCard, other: ModelCard, otherId: bigint): string | null {
  const [terms, others] = [card.runtimeConfig?.handOver, other.runtimeConfig?.handOver];
  if (other.displayName !== card.displayName || !terms || !others) return null;
  const id = otherId.toString(16);
  if (card.workerType === "decode" && other.workerType === "prefill") {
    return say(
      compareHandOverTerms(others, terms),
      `Prefill worker ${id} cannot hand over to this worker`,
    );
  }
  if (card.workerType === "prefill" && other.workerType === "decode") {
    return say(
      compareHandOverTerms(terms, others),
      `Decode worker ${id} cannot take over from this worker`,
    );
  }
  return null;
}

function say(differences: readonly string[], what: string): string | null {
  if (differences.length === 0) return null;
  return `${what}: ${differences.join("; ")}. They are not paired, and the decode side prefills by itself. Start both alike.`;
}
