// All that is served under one name: usually one set of workers; several when components or roles differ.
import type { ModelCard, ModelType, WorkerType } from "@dyn/protocol";
import type { DisaggregatedClient, KvRouter, PrefillPool, ThresholdHolder } from "@dyn/router";
import type { BasePipeline } from "./base-pipeline.ts";
import { ModelPipeline } from "./model-pipeline.ts";
import type { WorkerSet } from "./worker-set.ts";

/** What GET /v1/models/{id}/ready says of one namespace. */
export interface NamespaceReadiness {
  readonly ready: boolean;
  readonly worker_types: Readonly<
    Record<string, { readonly workers: number; readonly needs: readonly (readonly string[])[] }>
  >;
  readonly present: readonly string[];
}

export class ServedModel {
  readonly name: string;
  readonly sets = new Map<string, WorkerSet>();
  readonly #random: () => number;

  constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
  }

  get isReady(): boolean {
    return this.#ready().length > 0;
  }

  /** Of the set that has been ready for the longest time. Throws when none is. */
  get card(): ModelCard {
    return this.#first().card;
  }

  /** Unix seconds. */
  get readyAtSeconds(): number {
    return this.#first().readyAtSeconds;
  }

  get aliases(): readonly string[] {
    return [...new Set([...this.sets.values()].flatMap(({ card }) => card.aliases ?? []))];
  }

  /** What it does, by its sets that are ready. */
  get types(): readonly ModelType[] {
    return [...new Set(this.readySets().flatMap(({ card }) => card.modelTypes))];
  }

  /** Of its sets that have one, prefill workers' too. */
  routers(): KvRouter[] {
    return [...this.sets.values()].flatMap(({ pipeline, pool }) =>
      pipeline instanceof ModelPipeline ? (pipeline.router ?? []) : (pool?.router ?? []),
    );
  }

  /** Who leaves out its workers that are busy. */
  thresholdHolders(): ThresholdHolder[] {
    return [...this.sets.values()].flatMap(({ pipeline, pool }) =>
      pipeline instanceof ModelPipeline ? (pipeline.thresholds ?? []) : (pool?.router ?? []),
    );
  }

  /** Of its decode workers. */
  disaggregated(): DisaggregatedClient[] {
    return this.#ready().flatMap((pipeline) =>
      pipeline instanceof ModelPipeline ? (pipeline.disaggregated ?? []) : [],
    );
  }

  /** Who prefills for decode workers of the namespace; `null`: nobody is there. */
  prefillPool(namespace: string): PrefillPool | null {
    const pools = [...this.sets.values()].flatMap((set) =>
      set.namespace === namespace ? (set.pool ?? []) : [],
    );
    return pools.find(({ workerIds }) => workerIds.length > 0) ?? pools[0] ?? null;
  }

  /** Sets that can be asked now. */
  readySets(): WorkerSet[] {
    return [...this.sets.values()].filter(
      (set) => set.pipeline !== null && set.isPublic && this.missing(set).length === 0,
    );
  }

  /** Types of workers that the set waits for: those of the alternative that lacks the fewest. */
  missing({ card, namespace }: WorkerSet): readonly WorkerType[] {
    const { needs = [] } = card;
    if (needs.length === 0) return [];
    const present = new Set(
      [...this.sets.values()]
        .filter((other) => other.namespace === namespace)
        .map((other) => other.card.workerType ?? "aggregated"),
    );
    return needs
      .map((types) => types.filter((type) => !present.has(type)))
      .reduce((a, b) => (b.length < a.length ? b : a));
  }

  /** What its sets for the type wait for; empty when nothing is missing. */
  lacks(type: ModelType): readonly WorkerType[] {
    return [...this.sets.values()].flatMap((set) =>
      set.card.modelTypes.includes(type) ? this.missing(set) : [],
    );
  }

  has(type: ModelType): boolean {
    return this.#ready(type).length > 0;
  }

  /** Whether a set for the type is there whose pipeline is not built yet. */
  isLoading(type: ModelType): boolean {
    return [...this.sets.values()].some(
      ({ pipeline, isPublic, card }) =>
        pipeline === null && isPublic && card.modelTypes.includes(type),
    );
  }

  /** A pipeline for a request of the type: sets have a share by their instances. `undefined`: none is ready. */
  pick(type?: ModelType): BasePipeline | undefined {
    const pipelines = this.#ready(type);
    if (pipelines.length < 2) return pipelines[0];
    const weights = pipelines.map(({ workers }) => workers.instances.length);
    let left = this.#random() * weights.reduce((sum, weight) => sum + weight, 0);
    const drawn = pipelines.find((_, i) => {
      left -= weights[i]!;
      return left < 0;
    });
    return drawn ?? pipelines[0];
  }

  readiness(): Record<string, NamespaceReadiness> {
    const byNamespace = new Map<string, WorkerSet[]>();
    for (const set of this.sets.values()) {
      byNamespace.set(set.namespace, [...(byNamespace.get(set.namespace) ?? []), set]);
    }
    const ready = new Set(this.readySets().map(({ namespace }) => namespace));
    return Object.fromEntries(
      [...byNamespace].map(([name, sets]) => [name, readinessOf(sets, ready.has(name))]),
    );
  }

  #ready(type?: ModelType): BasePipeline[] {
    return this.readySets().flatMap(({ pipeline, card }) =>
      type === undefined || card.modelTypes.includes(type) ? [pipeline!] : [],
    );
  }

  #first(): BasePipeline {
    const [first, ...others] = this.#ready();
    if (first === undefined) throw new Error(`Nothing of ${this.name} is ready.`);
    return others.reduce((a, b) => (b.readyAtSeconds < a.readyAtSeconds ? b : a), first);
  }
}

function readinessOf(sets: readonly WorkerSet[], ready: boolean): NamespaceReadiness {
  const byType = new Map<WorkerType, { workers: number; needs: WorkerType[][] }>();
  for (const { card, members } of sets) {
    const type = card.workerType ?? "aggregated";
    const before = byType.get(type) ?? { workers: 0, needs: [] };
    byType.set(type, { workers: before.workers + members.size, needs: card.needs ?? before.needs });
  }
  return {
    ready,
    worker_types: Object.fromEntries(byType),
    present: [...byType.keys()],
  };
}
