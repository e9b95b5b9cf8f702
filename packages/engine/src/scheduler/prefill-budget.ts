// The arithmetic of admission: what one prefill step may take. It decides nothing about order and moves no pages.

export interface PrefillBudgetOptions {
  readonly pageSize: number;
  /** Free and evictable, less what running sequences are expected to need. */
  readonly availableTokens: number;
  readonly maxPrefillTokens: number;
  /** `null` = no chunking. */
  readonly chunkedPrefillSize: number | null;
}

export class PrefillBudget {
  readonly #pageSize: number;
  #tokens: number;
  #input: number;
  #chunk: number;
  #rows = 0;

  constructor(options: PrefillBudgetOptions) {
    this.#pageSize = options.pageSize;
    this.#tokens = options.availableTokens;
    this.#input = options.maxPrefillTokens;
    this.#chunk = options.chunkedPrefillSize ?? Number.POSITIVE_INFINITY;
  }

  get isSpent(): boolean {
    return this.#input <= 0 || this.#chunk <= 0;
  }

  /** Whether a new sequence is expected to run to its end: strictly less than what is left, as in SGLang. */
  holds(extendTokens: number, estimatedNewTokens: number): boolean {
    return this.missing(extendTokens, estimatedNewTokens) <= 0;
  }

  /** Tokens that would have to become available before `holds` says yes. */
  missing(extendTokens: number, estimatedNewTokens: number): number {
    const wanted = this.#ceilPage(extendTokens) + estimatedNewTokens + this.#pageSize;
    return wanted < this.#tokens ? 0 : wanted - this.#tokens + 1;
  }

  /** Pages that were evictable and now are locked. */
  lockTokens(tokenCount: number): void {
    this.#tokens -= tokenCount;
  }

  /**
   * How many of `extendTokens` this step may compute: all, a page-aligned piece, or 0.
   * `limit`: a smaller chunk for this sequence alone. The first row may exceed maxPrefillTokens if it cannot be cut.
   */
  chunk(extendTokens: number, limit: number): number {
    const piece = Math.min(this.#chunk, limit);
    if (this.#rows > 0 && this.#ceilPage(Math.min(extendTokens, piece)) > this.#input) return 0;
    if (extendTokens <= piece) return extendTokens;
    return Math.floor(piece / this.#pageSize) * this.#pageSize;
  }

  charge(newTokens: number, estimatedNewTokens: number): void {
    const pages = this.#ceilPage(newTokens);
    this.#tokens -= pages + estimatedNewTokens;
    this.#input -= pages;
    this.#chunk -= pages;
    this.#rows++;
  }

  /** Pages for tokens that are not computed here. */
  reserve(newTokens: number, estimatedNewTokens: number): void {
    this.#tokens -= this.#ceilPage(newTokens) + estimatedNewTokens;
  }

  #ceilPage(tokens: number): number {
    return Math.ceil(tokens / this.#pageSize) * this.#pageSize;
  }
}
