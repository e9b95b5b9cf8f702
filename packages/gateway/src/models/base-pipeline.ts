// What every model has: its card, a way to its workers, and a life that ends when the last request is over.
import { cardToChecksum, cardToWire, type ModelCard } from "@dyn/protocol";
import type { EndpointClient } from "@dyn/runtime";

/** A way to a model's workers, whatever they are asked. */
export type WorkerClient = EndpointClient<unknown, unknown>;

export interface BasePipelineParts {
  readonly card: ModelCard;
  /** When the model became ready at this frontend, in Unix seconds. */
  readonly readyAtSeconds: number;
  readonly workers: WorkerClient;
}

/** By itself the pipeline of a card with text input: its workers tokenize, and requests are passed on as they are. */
export class BasePipeline {
  readonly card: ModelCard;
  readonly readyAtSeconds: number;
  /** By which workers know what they were asked of: Dynamo's `mdc_sum`. */
  readonly checksum: string;
  readonly workers: WorkerClient;
  #users = 0;
  #retired = false;

  constructor(parts: BasePipelineParts) {
    this.card = parts.card;
    this.readyAtSeconds = parts.readyAtSeconds;
    this.workers = parts.workers;
    this.checksum = cardToChecksum(cardToWire(parts.card));
  }

  /** Runs a request; a pipeline that is retired meanwhile closes when its last request is over. */
  async use<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#users += 1;
    try {
      return await task();
    } finally {
      this.#users -= 1;
      if (this.#retired && this.#users === 0) await this.close();
    }
  }

  /** No new requests come; running ones finish. */
  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#users === 0) await this.close();
  }

  /** Called once, when nobody uses it any more. */
  protected async close(): Promise<void> {
    await this.workers.close();
  }
}
