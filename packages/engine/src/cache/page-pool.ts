// Which pages are free. It knows page ids only; who holds a page is the cache's or a sequence's business.
import { InternalError } from "@dyn/protocol";

/** A stack of free page ids. Freeing twice or allocating beyond the end is a bug of ours and throws. */
export class PagePool {
  readonly total: number;
  /** Free ids at 0 .. #freeCount - 1; the next one to go out is the last. */
  readonly #stack: Int32Array;
  /** 1 = free. */
  readonly #isFree: Uint8Array;
  #freeCount: number;

  constructor(pageCount: number) {
    this.total = pageCount;
    this.#stack = new Int32Array(pageCount);
    this.#isFree = new Uint8Array(pageCount).fill(1);
    this.#freeCount = pageCount;
    for (let i = 0; i < pageCount; i++) this.#stack[i] = pageCount - 1 - i;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  isFree(page: number): boolean {
    return this.#isFree[page] === 1;
  }

  allocate(): number {
    if (this.#freeCount === 0) throw new InternalError("The page pool is empty.");
    const page = this.#stack[--this.#freeCount]!;
    this.#isFree[page] = 0;
    return page;
  }

  free(page: number): void {
    if (page < 0 || page >= this.total || this.#isFree[page] === 1) {
      throw new InternalError(`Page ${page} was freed though it is not in use.`);
    }
    this.#isFree[page] = 1;
    this.#stack[this.#freeCount++] = page;
  }

  /** Frees pages[start .. end). */
  freeRange(pages: Int32Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.free(pages[i]!);
  }
}
