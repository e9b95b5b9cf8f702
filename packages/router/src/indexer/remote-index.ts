// `--use-remote-indexer`: asks another process's index instead of keeping one.
import type { BlockHashes, WorkerOverlap } from "@dyn/kv-events";
import { DeadlineExceededError } from "@dyn/protocol";
import type { EndpointClient, EndpointId, Planes } from "@dyn/runtime";
import { EndpointClient as Client } from "@dyn/runtime";
import { indexerEndpoint, queryToWire, wireToOverlaps } from "./indexer-wire.ts";

/** A choice by load alone is better than one that comes late. */
const timeoutMs = 500;

export interface RemoteIndexOptions {
  readonly planes: Planes;
  /** Of the workers: the indexer is of their component. */
  readonly endpoint: EndpointId;
  readonly model: string;
  readonly onProblem: (message: string, error: unknown) => void;
}

export class RemoteIndex {
  readonly #client: EndpointClient<unknown, unknown>;
  readonly #options: RemoteIndexOptions;
  #failures = 0;
  #failedCount = 0;

  constructor(options: RemoteIndexOptions) {
    const { namespace, component } = options.endpoint;
    this.#options = options;
    this.#client = new Client({ namespace, component, endpoint: indexerEndpoint }, options.planes);
  }

  /** Indexers that answer. */
  get indexerCount(): number {
    return this.#client.instances.length;
  }

  /** Failures in a row; 0: the last question was answered. */
  get failureCount(): number {
    return this.#failures;
  }

  /** Questions that were not answered, since the start. */
  get failedCount(): number {
    return this.#failedCount;
  }

  /** Never throws but for the signal: without an answer in half a second nobody is known to have anything, and that is said. */
  async find({ localHashes }: BlockHashes, signal?: AbortSignal): Promise<WorkerOverlap[]> {
    if (localHashes.length === 0) return [];
    const { model, onProblem } = this.#options;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const question = queryToWire({ model, localHashes, isDeviceOnly: false });
      const both = signal === undefined ? late : AbortSignal.any([signal, late]);
      for await (const item of this.#client.generate(question, { signal: both })) {
        const overlaps = wireToOverlaps(bare(item));
        this.#failures = 0;
        return overlaps;
      }
      throw new DeadlineExceededError(`The indexer gave no answer in ${timeoutMs} ms.`);
    } catch (error) {
      signal?.throwIfAborted();
      this.#failures += 1;
      this.#failedCount += 1;
      // The first of a row: the others would say the same with every request.
      if (this.#failures === 1) {
        onProblem(
          "The remote indexer does not answer; requests go by load alone until it does.",
          error,
        );
      }
      return [];
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** The answer is the stream's item itself; some wrap it like any other. */
function bare(item: object): unknown {
  return "data" in item && item.data !== undefined ? item.data : item;
}
