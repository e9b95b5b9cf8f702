// Busy thresholds that were set while the server runs, by model.
import { InvalidArgumentError } from "@dyn/protocol";
import type { BusyThresholds } from "@dyn/router";

/** Models need not be served when theirs are set, so anybody's words could fill the book. */
const mostModels = 1_024;

export interface ThresholdBook {
  get(model: string): BusyThresholds | undefined;
  /** Models that have any set. */
  models(): string[];
  /** Resolves when every process of the port goes by them. Throws InvalidArgumentError when the book is full. */
  set(model: string, thresholds: BusyThresholds): Promise<void>;
  /** Told of every change, wherever it was made. */
  onChange(listener: ThresholdListener): void;
}

type ThresholdListener = (model: string, thresholds: BusyThresholds) => void;

/** Of a gateway that is alone on its port. */
export class LocalThresholds implements ThresholdBook {
  readonly #byModel = new Map<string, BusyThresholds>();
  readonly #listeners: ThresholdListener[] = [];

  get(model: string): BusyThresholds | undefined {
    return this.#byModel.get(model);
  }

  models(): string[] {
    return [...this.#byModel.keys()];
  }

  async set(model: string, thresholds: BusyThresholds): Promise<void> {
    this.apply(model, thresholds);
  }

  onChange(listener: ThresholdListener): void {
    this.#listeners.push(listener);
  }

  protected apply(model: string, thresholds: BusyThresholds): void {
    if (!this.#byModel.has(model) && this.#byModel.size >= mostModels) {
      throw new InvalidArgumentError(
        `Thresholds of ${mostModels} models are set, as many as are kept. Use the name of a model that is served.`,
        { param: "model" },
      );
    }
    this.#byModel.set(model, thresholds);
    for (const listener of this.#listeners) listener(model, thresholds);
  }
}
