// What one rank of a worker holds, kept beside the stream of its events: who joins late or missed some asks for them.
import {
  type ApplyOutcome,
  KvIndex,
  type KvQuery,
  type KvQueryAnswer,
  type RouterEvent,
} from "@dyn/kv-events";
import { EventRing } from "./event-ring.ts";

/** Events that can be asked for by id (Dynamo 1.6.1); for older ones the whole tree is the answer. */
const ringEvents = 1024;

export interface LocalIndexOptions {
  readonly workerId: bigint;
  readonly dpRank: number;
  /** Where the blocks that were used longest ago are forgotten. */
  readonly maxBytes: number;
}

export class LocalIndex {
  readonly #workerId: bigint;
  readonly #dpRank: number;
  readonly #index: KvIndex;
  readonly #ring = new EventRing(ringEvents);

  constructor({ workerId, dpRank, maxBytes }: LocalIndexOptions) {
    this.#workerId = workerId;
    this.#dpRank = dpRank;
    this.#index = new KvIndex({ maxBytes });
  }

  get blockCount(): number {
    return this.#index.blockCount;
  }

  apply(event: RouterEvent): ApplyOutcome {
    this.#ring.push(event);
    return this.#index.apply(event);
  }

  /** Everything, as events with ids from 0: parents before children. */
  dump(): RouterEvent[] {
    return this.#index.dump(this.#workerId, this.#dpRank);
  }

  answer(query: KvQuery): KvQueryAnswer {
    const { workerId, dpRank, startEventId: start, endEventId: end } = query;
    if (workerId !== this.#workerId || dpRank !== this.#dpRank) {
      return {
        type: "error",
        message: `This is worker ${this.#workerId}, rank ${this.#dpRank}, and not worker ${workerId}, rank ${dpRank}: read the event sources of discovery again.`,
      };
    }
    const { newestId, oldestId } = this.#ring;
    if (start !== null && end !== null && end < start) {
      return { type: "invalidRange", startId: start, endId: end };
    }
    if (start === null || start < Math.max(1, oldestId)) {
      return { type: "treeDump", events: this.dump(), lastEventId: newestId };
    }
    if (start > newestId) {
      const requestedEnd = end ?? newestId;
      return { type: "tooNew", requestedStart: start, requestedEnd, newestAvailable: newestId };
    }
    return { type: "events", events: this.#ring.from(start), lastEventId: newestId };
  }
}
