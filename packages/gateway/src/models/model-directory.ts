// The models served here: follows the cards in discovery and groups them by name and worker set.
// The first card of a set builds its pipeline; when the last instance leaves, the set is gone.
import type { ModelCard, ModelType } from "@dyn/protocol";
import type { PrefillPool } from "@dyn/router";
import {
  type Discovery,
  type InstanceMembers,
  type ModelRecord,
  parseEndpointId,
} from "@dyn/runtime";
import {
  modelLacks,
  modelStarting,
  otherModelType,
  takesNoTokens,
  unknownModel,
} from "../errors/gateway-errors.ts";
import type { GatewayLogger } from "../logger.ts";
import type { BasePipeline } from "./base-pipeline.ts";
import { ModelPipeline } from "./model-pipeline.ts";
import { ServedModel } from "./served-model.ts";
import { differenceOf, isSameCard, WorkerSet, workerSetKey } from "./worker-set.ts";

export interface ModelDirectoryOptions {
  readonly discovery: Discovery;
  readonly createPipeline: (
    card: ModelCard,
    members: InstanceMembers,
    prefillPool: () => PrefillPool | null,
  ) => Promise<BasePipeline>;
  readonly createPrefillPool: (card: ModelCard, members: InstanceMembers) => PrefillPool;
  readonly logger: GatewayLogger;
  readonly onReady: (card: ModelCard) => void;
  readonly onLeft: (name: string) => void;
  /** Models of other namespaces are passed over. Default: all are served. */
  readonly servesNamespace?: (namespace: string) => boolean;
  readonly random?: () => number;
  /** How long the pipeline of a set whose last instance left waits for one that comes back. Default: 5,000. */
  readonly returnGraceMs?: number;
}

const defaultReturnGraceMs = 5_000;

export class ModelDirectory {
  readonly #options: ModelDirectoryOptions;
  readonly #models = new Map<string, ServedModel>();
  /** Every card in discovery, refused ones too. */
  readonly #records = new Map<string, ModelRecord>();
  readonly #end = new AbortController();
  readonly #changeWaiters = new Set<() => void>();
  /** Sets that were told of as ready. */
  readonly #readySets = new Map<WorkerSet, string>();
  /** Sets without an instance, not offered: all workers that lose their leases at once come back with the same cards. */
  readonly #vacantSets = new Map<
    string,
    { readonly set: WorkerSet; readonly timer: NodeJS.Timeout }
  >();
  #watching: Promise<void> = Promise.resolve();
  #isSynced = false;

  constructor(options: ModelDirectoryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#watching = this.#watch();
  }

  /** Models that are ready, in the order in which they became so. */
  list(): ServedModel[] {
    return [...this.#models.values()]
      .filter(({ isReady }) => isReady)
      .sort((a, b) => a.readyAtSeconds - b.readyAtSeconds);
  }

  /** By name or alias, ready or not. */
  known(name: string): ServedModel | undefined {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    for (const candidate of this.#models.values()) {
      if (candidate.aliases.includes(name)) return candidate;
    }
    return undefined;
  }

  /** By name or alias, when it is ready. */
  find(name: string): ServedModel | undefined {
    const model = this.known(name);
    return model?.isReady ? model : undefined;
  }

  /** Why no request of the type can be served, in words; `null` when one can, or soon may be. */
  whyNot(type: ModelType): string | null {
    if (!this.#isSynced) return null;
    const isThere = (model: ServedModel) => model.has(type) || model.isLoading(type);
    return [...this.#models.values()].some(isThere) ? null : `no model of ${type} is served.`;
  }

  /**
   * Throws NotFoundError when no model of the name and type is ready, UnavailableError while discovery has not told yet
   * what there is, or the model is being loaded.
   */
  pick(name: string, type: ModelType): BasePipeline {
    const pipeline = this.find(name)?.pick(type);
    if (pipeline !== undefined) return pipeline;
    if (!this.#isSynced || this.known(name)?.isLoading(type) === true) throw modelStarting(name);
    const lacking = this.known(name)?.lacks(type) ?? [];
    if (lacking.length > 0) throw modelLacks(name, lacking);
    const others = this.list()
      .filter((model) => model.has(type))
      .map((model) => model.name);
    const types = this.find(name)?.types ?? [];
    if (types.length > 0) throw otherModelType({ model: name, type, types, others });
    throw unknownModel(name, others);
  }

  /** The same for prompts of tokens. Throws InvalidArgumentError too, when the model's workers take text. */
  get(name: string, type: ModelType): ModelPipeline {
    return takingTokens(name, this.pick(name, type));
  }

  /** A pipeline of the model, whatever its type. Throws NotFoundError when none is ready, and as `get` does. */
  any(name: string): ModelPipeline {
    const pipeline = this.find(name)?.pick();
    if (pipeline !== undefined) return takingTokens(name, pipeline);
    throw unknownModel(
      name,
      this.list().map((model) => model.name),
    );
  }

  /** Resolves when the model is ready; rejects with the signal's reason. */
  async waitFor(name: string, options: { readonly signal: AbortSignal }): Promise<ServedModel> {
    for (;;) {
      const model = this.find(name);
      if (model !== undefined) return model;
      await this.#nextChange(options.signal);
    }
  }

  /** Resolves when all models that discovery has are ready; rejects with the signal's reason. */
  async caughtUp({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const isBuilt = ({ isPublic, pipeline }: WorkerSet) => !isPublic || pipeline !== null;
    const areBuilt = (model: ServedModel) => [...model.sets.values()].every(isBuilt);
    while (!this.#isSynced || ![...this.#models.values()].every(areBuilt)) {
      await this.#nextChange(signal);
    }
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#watching;
    const vacant = [...this.#vacantSets.values()];
    for (const { timer } of vacant) clearTimeout(timer);
    this.#vacantSets.clear();
    const sets = [...this.#models.values()].flatMap((model) => [...model.sets.values()]);
    await Promise.all([...sets, ...vacant.map(({ set }) => set)].map((set) => set.leave()));
  }

  async #watch(): Promise<void> {
    const { signal } = this.#end;
    const { discovery, logger } = this.#options;
    try {
      for await (const event of discovery.watch("v1/mdc", { signal })) {
        if (event.type === "synced") {
          this.#isSynced = true;
          this.#tellChange();
        } else if (event.type === "put" && event.record.type === "model") {
          await this.#put(event.key, event.record);
        } else if (event.type === "delete") {
          await this.#delete(event.key);
        }
      }
    } catch (error) {
      if (!signal.aborted)
        logger.error("The watch of model cards ended.", { error: String(error) });
    }
  }

  async #put(key: string, record: ModelRecord): Promise<void> {
    const { servesNamespace } = this.#options;
    const { namespace } = parseEndpointId(record.card.endpoint);
    if (servesNamespace !== undefined && !servesNamespace(namespace)) return;
    const before = this.#records.get(key);
    const isOther =
      before !== undefined &&
      (workerSetKey(before.card) !== workerSetKey(record.card) ||
        differenceOf(before.card, record.card) !== null);
    if (isOther) await this.#delete(key);
    this.#records.set(key, record);
    this.#admit(key, record);
  }

  #admit(key: string, { card, instanceId }: ModelRecord): void {
    const name = card.displayName;
    let model = this.#models.get(name);
    if (model === undefined) {
      model = new ServedModel(name, this.#options.random ?? Math.random);
      this.#models.set(name, model);
    }
    const setKey = workerSetKey(card);
    const set = model.sets.get(setKey);
    if (set === undefined) {
      const before = this.#takeVacant(setKey, card);
      if (before !== null) {
        before.members.add(key, instanceId);
        model.sets.set(setKey, before);
        this.#tellReadiness();
        this.#tellChange();
        return;
      }
      const fresh = new WorkerSet(card);
      fresh.members.add(key, instanceId);
      model.sets.set(setKey, fresh);
      void this.#build(fresh, name);
      return;
    }
    const difference = differenceOf(set.card, card);
    if (difference === null) {
      set.members.add(key, instanceId);
      return;
    }
    this.#options.logger.error(
      "A worker's model card is refused: another is served by that name.",
      { model: name, key, difference },
    );
  }

  async #build(set: WorkerSet, name: string): Promise<void> {
    const { createPipeline, createPrefillPool, logger } = this.#options;
    if (set.isPublic) {
      const prefillPool = () => this.#models.get(name)?.prefillPool(set.namespace) ?? null;
      await set.build((card, members) => createPipeline(card, members, prefillPool), logger);
    } else if (set.card.workerType === "prefill") {
      // No client's request is prepared for them: decode workers' are sent there.
      set.lendTo(createPrefillPool(set.card, set.members));
    }
    this.#tellReadiness();
    this.#tellChange();
  }

  /** A set is ready with the workers that it needs, which may come and go. */
  #tellReadiness(): void {
    const { onReady, onLeft } = this.#options;
    const now = new Map(
      [...this.#models.values()].flatMap((model) =>
        model.readySets().map((set) => [set, model.name] as const),
      ),
    );
    const names = new Set(now.values());
    for (const [set, name] of this.#readySets) {
      if (now.has(set)) continue;
      this.#readySets.delete(set);
      if (!names.has(name) && ![...this.#readySets.values()].includes(name)) onLeft(name);
    }
    for (const [set, name] of now) {
      if (this.#readySets.has(set)) continue;
      this.#readySets.set(set, name);
      onReady(set.card);
    }
  }

  async #delete(key: string): Promise<void> {
    const record = this.#records.get(key);
    if (record === undefined) return;
    this.#records.delete(key);
    const name = record.card.displayName;
    const model = this.#models.get(name);
    const setKey = workerSetKey(record.card);
    const set = model?.sets.get(setKey);
    if (model === undefined || !set?.members.delete(key) || set.members.size > 0) return;
    model.sets.delete(setKey);
    if (model.sets.size === 0) this.#models.delete(name);
    this.#tellReadiness();
    this.#tellChange();
    await this.#vacate(setKey, set);
    // A card that was refused beside the one that left has the place to itself now.
    for (const [otherKey, other] of this.#records) {
      if (workerSetKey(other.card) === setKey) this.#admit(otherKey, other);
    }
  }

  /** A set that was not built yet has nothing to keep. */
  async #vacate(setKey: string, set: WorkerSet): Promise<void> {
    if (this.#end.signal.aborted || (set.pipeline === null && set.pool === null)) {
      await set.leave();
      return;
    }
    const leave = () => {
      this.#vacantSets.delete(setKey);
      void set.leave();
    };
    const timer = setTimeout(leave, this.#options.returnGraceMs ?? defaultReturnGraceMs).unref();
    this.#vacantSets.set(setKey, { set, timer });
  }

  /** The set that such cards had a moment ago; one of other cards leaves now. */
  #takeVacant(setKey: string, card: ModelCard): WorkerSet | null {
    const vacant = this.#vacantSets.get(setKey);
    if (vacant === undefined) return null;
    clearTimeout(vacant.timer);
    this.#vacantSets.delete(setKey);
    if (isSameCard(vacant.set.card, card)) return vacant.set;
    void vacant.set.leave();
    return null;
  }

  #tellChange(): void {
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

function takingTokens(name: string, pipeline: BasePipeline): ModelPipeline {
  if (pipeline instanceof ModelPipeline) return pipeline;
  throw takesNoTokens(name);
}
