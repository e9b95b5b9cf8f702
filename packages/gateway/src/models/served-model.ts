// All that is served under one name: usually one set of workers; several when components or roles differ.
import type { ModelCard, ModelType, WorkerType } from "@dyn/protocol";
import type { KvRouter } from "@dyn/router";
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

  /** Of its sets that have one. */
  routers(): KvRouter[] {
    return this.#ready().flatMap((pipeline) =>
      pipeline instanceof ModelPipeline ? (pipeline.router ?? []) : [],
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
    return Object.fromEntries([...byNamespace].map(([name, sets]) => [name, readinessOf(sets)]));
  }

  #ready(type?: ModelType): BasePipeline[] {
    return [...this.sets.values()].flatMap(({ pipeline, isPublic, card }) =>
      pipeline !== null && isPublic && (type === undefined || card.modelTypes.includes(type))
        ? [pipeline]
        : [],
    );
  }

  #first(): BasePipeline {
    const [first, ...others] = this.#ready();
    if (first === undefined) throw new Error(`Nothing of ${this.name} is ready.`);
    return others.reduce((a, b) => (b.readyAtSeconds < a.readyAtSeconds ? b : a), first);
  }
}

function readinessOf(sets: readonly WorkerSet[]): NamespaceReadiness {
  const byType = new Map<WorkerType, { workers: number; needs: WorkerType[][] }>();
  for (const { card, keys } of sets) {
    const type = card.workerType ?? "aggregated";
    const before = byType.get(type) ?? { workers: 0, needs: [] };
    byType.set(type, { workers: before.workers + keys.size, needs: card.needs ?? before.needs });
  }
  const isServed = sets.some(({ pipeline, isPublic }) => pipeline !== null && isPublic);
  return {
    ready: isServed,
    worker_types: Object.fromEntries(byType),
    present: [...byType.keys()],
  };
}
