// Data-parallel ranks behind one door: each has a scheduler, a cache and an event stream of its own, none knows of another.
import { InvalidArgumentError } from "@dyn/protocol";
import type { Engine, EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { EngineCommand, EngineControlState } from "../contract/engine-control.ts";
import type { GenerateOutput } from "../contract/engine-output.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import { sumMetrics } from "./sum-metrics.ts";

/**
 * A request goes to the rank that it names; half of a pair without one to the remainder of its room, as SGLang does;
 * any other to the rank with the fewest requests. `info` is that of a rank: capacities are a rank's, not the sum.
 */
export class RankedEngine implements Engine {
  /** By rank; at least one. */
  readonly ranks: readonly Engine[];

  constructor(ranks: readonly Engine[]) {
    if (ranks.length === 0) throw new InvalidArgumentError("An engine needs at least one rank.");
    this.ranks = ranks;
  }

  get info(): EngineInfo {
    return this.ranks[0]!.info;
  }

  async *generate(
    request: GenerateRequest,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerateOutput> {
    yield* this.#rankOf(request).generate(request, options);
  }

  abort(requestId: string, message?: string): void {
    for (const rank of this.ranks) rank.abort(requestId, message);
  }

  abortAll(message?: string): void {
    for (const rank of this.ranks) rank.abortAll(message);
  }

  metrics(): EngineMetrics {
    return sumMetrics(this.ranks.map((rank) => rank.metrics()));
  }

  /** Of all ranks; whoever has to tell them apart listens to each. */
  onKvEvents(listener: (batch: KvEventBatch) => void): () => void {
    const ends = this.ranks.map((rank) => rank.onKvEvents(listener));
    return () => {
      for (const end of ends) end();
    };
  }

  async flushCache(): Promise<boolean> {
    const flushed = await Promise.all(this.ranks.map((rank) => rank.flushCache()));
    return flushed.every((isFlushed) => isFlushed);
  }

  /** Each rank does it; profiles of ranks above 0 are named by their rank. */
  async control(command: EngineCommand): Promise<EngineControlState> {
    const states = await Promise.all(
      this.ranks.map((rank, number) => rank.control(ofRank(command, number))),
    );
    return {
      isPaused: states.every(({ isPaused }) => isPaused),
      released: states[0]!.released,
      pausedRequests: states.reduce((sum, { pausedRequests }) => sum + pausedRequests, 0),
      profileFiles: states.flatMap(({ profileFiles }) => profileFiles),
    };
  }

  async drain(options?: { signal?: AbortSignal }): Promise<void> {
    await Promise.all(this.ranks.map((rank) => rank.drain(options)));
  }

  async close(): Promise<void> {
    await Promise.all(this.ranks.map((rank) => rank.close()));
  }

  #rankOf({ dataParallelRank: wanted, disaggregation }: GenerateRequest): Engine {
    const { ranks } = this;
    if (wanted != null) {
      const rank = ranks[wanted];
      if (rank !== undefined) return rank;
      throw new InvalidArgumentError(
        `dp_rank is ${wanted}, and this worker has ranks 0 to ${ranks.length - 1}.`,
        { param: "dp_rank" },
      );
    }
    if (disaggregation?.role === "prefill") {
      return ranks[Number(disaggregation.bootstrapRoom % BigInt(ranks.length))]!;
    }
    const loads = ranks.map((rank) => {
      const { runningRequests, waitingRequests } = rank.metrics();
      return runningRequests + waitingRequests;
    });
    return ranks[loads.indexOf(Math.min(...loads))]!;
  }
}

function ofRank(command: EngineCommand, rank: number): EngineCommand {
  if (command.type !== "startProfile" || rank === 0) return command;
  const { options } = command;
  return { ...command, options: { ...options, name: `${options.name}-rank-${rank}` } };
}

/** The ranks are closed with it. Throws InvalidArgumentError without any. */
export function createRankedEngine(ranks: readonly Engine[]): RankedEngine {
  return new RankedEngine(ranks);
}
