// The mock's KV leaves and enters as what it is: four bytes per token that depend on the whole prefix. Time passes as if
// there were as many as the mock pretends.
import { InternalError } from "@dyn/protocol";
import type { KvLayout, KvStore } from "../contract/kv-store.ts";
import type { Pacer } from "./pacer.ts";

export class MockKvStore implements KvStore {
  readonly layout: KvLayout;
  /** [pageCount x pageSize] */
  readonly #slots: Uint32Array;
  readonly #usPerToken: number;
  readonly #pacer: Pacer;

  constructor(options: { slots: Uint32Array; pageSize: number; usPerToken: number; pacer: Pacer }) {
    this.#slots = options.slots;
    this.#usPerToken = options.usPerToken;
    this.#pacer = options.pacer;
    this.layout = {
      format: "mock",
      elementType: "uint32",
      layerCount: 1,
      kvHeadCount: 1,
      headDim: 1,
      tensorParallelSize: 1,
      bytesPerToken: 4,
      pageSize: options.pageSize,
    };
  }

  /** The sending side's link is what takes time. */
  async exportTokens(
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
  ): Promise<void> {
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i++) words[i] = this.#slots[this.#slot(pages, start + i)]!;
    bytes.set(new Uint8Array(words.buffer));
    await this.#pacer.spend((count * this.#usPerToken) / 1000);
  }

  importTokens(pages: Int32Array, start: number, count: number, bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.slice(0, 4 * count).buffer);
    for (let i = 0; i < count; i++) this.#slots[this.#slot(pages, start + i)] = words[i]!;
  }

  #slot(pages: Int32Array, token: number): number {
    const { pageSize } = this.layout;
    const page = pages[Math.floor(token / pageSize)];
    if (page === undefined) throw new InternalError(`There is no page for token ${token}.`);
    return page * pageSize + (token % pageSize);
  }
}
