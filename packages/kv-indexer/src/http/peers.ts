// Other indexers that follow the same engines: at the start one tells the other what it missed.
import { decodeRouterEvents, encodeMsgpack } from "@dyn/kv-events";
import { UnavailableError } from "@dyn/protocol";
import { parseJson } from "@dyn/runtime";
import { z } from "zod";
import type { KvIndexer } from "../engines/kv-indexer.ts";

const timeoutMs = 30_000;
const maxPeers = 64;

const Dump = z.record(
  z.string(),
  z.looseObject({ block_size: z.number().int().positive(), events: z.array(z.unknown()) }),
);

export class IndexerPeers {
  readonly #urls = new Set<string>();
  readonly #indexer: KvIndexer;

  constructor(indexer: KvIndexer) {
    this.#indexer = indexer;
  }

  get urls(): readonly string[] {
    return [...this.#urls];
  }

  /** Takes over what it holds of engines that are followed here and have said nothing yet. Returns the blocks. */
  async add(url: string, signal?: AbortSignal): Promise<number> {
    if (this.#urls.size >= maxPeers && !this.#urls.has(url)) {
      throw new UnavailableError(
        `${maxPeers} peers are known, which is the most. Deregister some.`,
      );
    }
    this.#urls.add(url);
    const late = AbortSignal.timeout(timeoutMs);
    const response = await fetch(new URL("/dump", url), {
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    if (!response.ok) throw new UnavailableError(`${url}/dump answered ${response.status}.`);
    const dump = Dump.parse(parseJson(await response.text()));
    let count = 0;
    for (const [key, { block_size: blockSize, events }] of Object.entries(dump)) {
      count += this.#indexer.adopt(key, blockSize, decodeRouterEvents(encodeMsgpack(events)));
    }
    return count;
  }

  delete(url: string): boolean {
    return this.#urls.delete(url);
  }
}
