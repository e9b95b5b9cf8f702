// What a watch has told and its reader has not read yet.
import { Channel } from "../channel/channel.ts";
import type { DiscoveryEvent } from "./discovery.ts";

const capacity = 1_000_000;

/** Ends loudly when its reader falls a million events behind: a removal that is dropped would be lost for good. */
export class WatchChannel implements AsyncIterable<DiscoveryEvent> {
  readonly #channel = new Channel<DiscoveryEvent>({ capacity });

  push(event: DiscoveryEvent): void {
    if (this.#channel.push(event) !== "dropped-oldest") return;
    this.#channel.close(new Error(`A discovery watcher fell ${capacity} events behind.`));
  }

  close(error?: unknown): void {
    this.#channel.close(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<DiscoveryEvent> {
    return this.#channel[Symbol.asyncIterator]();
  }
}
