// One choice of one request: its tokens, its pages, where it stands. Moves between states only by the scheduler's hand.
import type { CacheNode } from "../cache/page-cache.ts";
import type { RequestGroup } from "./request-group.ts";

export type SequenceState =
  /** Waits for another choice of its request to fill the cache with their prompt. */
  | "pending"
  | "waiting"
  /** Some of its tokens are computed, more than one step needs. */
  | "prefilling"
  | "running"
  /** Has pages; their KV comes from another engine. */
  | "receiving"
  /** Computed; keeps its pages for another engine to take over. */
  | "held"
  | "finished";

export class Sequence {
  readonly group: RequestGroup;
  readonly index: number;
  readonly promptLength: number;
  /** Prompt and answer together never get longer. */
  maxLength: number;
  /** Prompt, then answer; valid up to `length`. Grows. */
  tokens: Uint32Array;
  length: number;
  state: SequenceState = "waiting";

  /** Tokens whose KV is in the pages. */
  computed = 0;
  /** New tokens of the step that is planned. */
  planned = 0;
  /** Page ids; valid up to `pageCount`. Grows. */
  pages: Int32Array;
  pageCount = 0;
  /** Leading pages that belong to the cache; the rest is this sequence's alone. */
  sharedPages = 0;
  /** What it holds locked: the end of its shared pages. */
  node: CacheNode | null = null;
  /** Stable small integer while it holds pages; -1 otherwise. */
  slot = -1;
  /** Set when the pages changed otherwise than by appending. */
  pagesVersion = 0;
  /** Its KV comes from another engine: pages are allocated, nothing is computed. */
  awaitsKv = false;
  /** Another engine may read or write its pages: they stay until the lease ends, whatever becomes of the sequence. */
  isLeased = false;
  /** Entered the queue as number ...: retracted ones get a new one. */
  queueNumber = 0;

  constructor(options: {
    group: RequestGroup;
    index: number;
    prompt: Uint32Array;
    resumed: ArrayLike<number>;
    maxLength: number;
    pageSize: number;
  }) {
    this.group = options.group;
    this.index = options.index;
    this.promptLength = options.prompt.length;
    this.maxLength = options.maxLength;
    this.length = options.prompt.length + options.resumed.length;
    const capacity = Math.max(this.length, Math.min(this.maxLength, this.length + 64));
    this.tokens = new Uint32Array(capacity);
    this.tokens.set(options.prompt);
    this.tokens.set(options.resumed, options.prompt.length);
    this.pages = new Int32Array(Math.ceil(capacity / options.pageSize));
  }

  /** Tokens of the answer so far, resumed ones included. */
  get produced(): number {
    return this.length - this.promptLength;
  }

  get remaining(): number {
    return this.maxLength - this.length;
  }

  append(tokenId: number): void {
    if (this.length === this.tokens.length) {
      const grown = new Uint32Array(
        Math.min(this.length * 2, Math.max(this.maxLength, this.length + 1)),
      );
      grown.set(this.tokens);
      this.tokens = grown;
    }
    this.tokens[this.length++] = tokenId;
  }

  appendPage(page: number): void {
    if (this.pageCount === this.pages.length) {
      const grown = new Int32Array(this.pages.length * 2);
      grown.set(this.pages);
      this.pages = grown;
    }
    this.pages[this.pageCount++] = page;
  }
}
