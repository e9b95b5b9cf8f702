import { UnavailableError } from "@dyn/protocol";
import type { BusyThresholds } from "@dyn/router";
import { LocalThresholds } from "../thresholds/threshold-book.ts";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";

/** A process that does not answer for so long is dead or dying. */
const answerTimeoutMs = 5_000;

/** A worker's busy thresholds: what is set here is set everywhere, and the other way round. */
export class WorkerThresholds extends LocalThresholds {
  readonly #send: (message: ToPrimary) => void;
  /** Who waits until all others have heard; the door bounds the requests that are open. */
  readonly #waiting = new Map<number, () => void>();
  #id = 0;

  constructor(send: (message: ToPrimary) => void) {
    super();
    this.#send = send;
  }

  override async set(model: string, thresholds: BusyThresholds): Promise<void> {
    this.apply(model, thresholds);
    this.#id += 1;
    const id = this.#id;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(notAll(model));
      }, answerTimeoutMs);
      this.#waiting.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      this.#send({ type: "thresholds", id, model, thresholds });
    });
  }

  receive(message: Extract<ToWorker, { type: "thresholds" | "thresholds-held" }>): void {
    if (message.type === "thresholds-held") {
      this.#waiting.get(message.id)?.();
      this.#waiting.delete(message.id);
      return;
    }
    this.apply(message.model, message.thresholds);
    if (message.id !== null) this.#send({ type: "thresholds-taken", id: message.id });
  }
}

function notAll(model: string): UnavailableError {
  return new UnavailableError(
    `The thresholds of ${model} are set here, but not all processes of the port have confirmed them within ${answerTimeoutMs / 1000} s. Set them again.`,
    { code: "DYN_GATEWAY_THRESHOLDS_UNCONFIRMED" },
  );
}
