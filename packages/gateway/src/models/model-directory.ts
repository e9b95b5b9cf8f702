// The models served here: follows the cards in discovery, one pipeline per model name.
// The first card of a name builds it; when the last instance leaves, the model is unknown again.
import type { ModelCard, ModelType } from "@dyn/protocol";
import type { Discovery, ModelRecord } from "@dyn/runtime";
import { unknownModel } from "../errors/gateway-errors.ts";
import type { GatewayLogger } from "../logger.ts";
import type { ModelPipeline } from "./model-pipeline.ts";

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

interface Entry {
  readonly card: ModelCard;
  /** Discovery keys of the instances that serve it. */
  readonly keys: Set<string>;
  /** `null` while it is being built. */
  pipeline: ModelPipeline | null;
  readonly left: AbortController;
}

export class ModelDirectory {
  readonly #discovery: Discovery;
  readonly #createPipeline: (card: ModelCard) => Promise<ModelPipeline>;
  readonly #logger: GatewayLogger;
  readonly #onReady: (card: ModelCard) => void;
  readonly #onLeft: (name: string) => void;
  readonly #entries = new Map<string, Entry>();
  /** Every card in discovery, refused ones too. */
  readonly #records = new Map<string, ModelRecord>();
  readonly #end = new AbortController();
  readonly #changeWaiters = new Set<() => void>();
  #watching: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly discovery: Discovery;
    readonly createPipeline: (card: ModelCard) => Promise<ModelPipeline>;
    readonly logger: GatewayLogger;
    readonly onReady: (card: ModelCard) => void;
    readonly onLeft: (name: string) => void;
  }) {
    this.#discovery = options.discovery;
    this.#createPipeline = options.createPipeline;
    this.#logger = options.logger;
    this.#onReady = options.onReady;
    this.#onLeft = options.onLeft;
  }

  start(): void {
    this.#watching = this.#watch();
  }

  /** Models that are ready, in the order in which they became so. */
  list(): ModelPipeline[] {
    return [...this.#entries.values()]
      .flatMap(({ pipeline }) => (pipeline === null ? [] : [pipeline]))
      .sort((a, b) => a.readyAtSeconds - b.readyAtSeconds);
  }

  find(name: string): ModelPipeline | undefined {
    return this.#entries.get(name)?.pipeline ?? undefined;
  }

  /** Throws NotFoundError when no model of the name and type is ready. */
  get(name: string, type: ModelType): ModelPipeline {
    const pipeline = this.find(name);
    if (pipeline?.card.modelTypes.includes(type)) return pipeline;
    const known = this.list().filter(({ card }) => card.modelTypes.includes(type));
    throw unknownModel(
      name,
      known.map(({ card }) => card.displayName),
    );
  }

  /** Resolves when the model is ready; rejects with the signal's reason. */
  async waitFor(name: string, options: { readonly signal: AbortSignal }): Promise<ModelPipeline> {
    for (;;) {
      const pipeline = this.find(name);
      if (pipeline !== undefined) return pipeline;
      await this.#nextChange(options.signal);
    }
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#watching;
    await Promise.all([...this.#entries.keys()].map((name) => this.#drop(name)));
  }

  async #watch(): Promise<void> {
    const { signal } = this.#end;
    try {
      for await (const event of this.#discovery.watch("v1/mdc", { signal })) {
        if (event.type === "put" && event.record.type === "model") {
          await this.#put(event.key, event.record);
        } else if (event.type === "delete") {
          await this.#delete(event.key);
        }
      }
    } catch (error) {
      if (!signal.aborted)
        this.#logger.error("The watch of model cards ended.", { error: String(error) });
    }
  }

  async #put(key: string, record: ModelRecord): Promise<void> {
    const before = this.#records.get(key);
    if (before !== undefined && differenceOf(before.card, record.card) !== null) {
      await this.#delete(key);
    }
    this.#records.set(key, record);
    this.#admit(key, record.card);
  }

  #admit(key: string, card: ModelCard): void {
    const name = card.displayName;
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      const keys = new Set([key]);
      const fresh: Entry = { card, keys, pipeline: null, left: new AbortController() };
      this.#entries.set(name, fresh);
      void this.#build(name, fresh);
      return;
    }
    const difference = differenceOf(entry.card, card);
    if (difference === null) {
      entry.keys.add(key);
      return;
    }
    this.#logger.error("A worker's model card is refused: another is served by that name.", {
      model: name,
      key,
      difference,
    });
  }

  async #delete(key: string): Promise<void> {
    const record = this.#records.get(key);
    if (record === undefined) return;
    this.#records.delete(key);
    const name = record.card.displayName;
    const entry = this.#entries.get(name);
    if (!entry?.keys.delete(key) || entry.keys.size > 0) return;
    await this.#drop(name);
    // A card that was refused beside the one that left has the name to itself now.
    for (const [otherKey, other] of this.#records) {
      if (other.card.displayName === name) this.#admit(otherKey, other.card);
    }
  }

  async #drop(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    entry?.left.abort();
    if (entry?.pipeline == null) return;
    this.#onLeft(name);
    await entry.pipeline.retire();
  }

  /** Tries again with doubling pauses until the model is built or has left. */
  async #build(name: string, entry: Entry): Promise<void> {
    for (let pauseMs = firstRetryMs; !entry.left.signal.aborted; pauseMs *= 2) {
      try {
        const pipeline = await this.#createPipeline(entry.card);
        if (entry.left.signal.aborted) await pipeline.retire();
        else {
          entry.pipeline = pipeline;
          this.#onReady(entry.card);
        }
        break;
      } catch (error) {
        const retryMs = Math.min(pauseMs, longestRetryMs);
        this.#logger.error("A model cannot be served yet.", {
          model: name,
          error: String(error),
          retryMs,
        });
        await pause(retryMs, entry.left.signal);
      }
    }
    for (const change of [...this.#changeWaiters]) change();
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const change = () => {
        signal.removeEventListener("abort", fail);
        this.#changeWaiters.delete(change);
        resolve();
      };
      const fail = () => {
        this.#changeWaiters.delete(change);
        reject(signal.reason);
      };
      this.#changeWaiters.add(change);
      signal.addEventListener("abort", fail, { once: true });
    });
  }
}

/** Fields in which cards of one model must agree: prompts would mean different things otherwise. */
const sharedFields = [
  "displayName",
  "endpoint",
  "sourcePath",
  "modelInput",
  "contextLength",
  "kvCacheBlockSize",
  "chatTemplate",
] as const;

function differenceOf(served: ModelCard, other: ModelCard): string | null {
  const field = sharedFields.find((name) => served[name] !== other[name]);
  return field === undefined
    ? null
    : `${field}: ${served[field]} is served, ${other[field]} refused`;
}

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, forMs);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
