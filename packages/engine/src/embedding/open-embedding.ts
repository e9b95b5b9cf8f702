/** A request that has prompts to come. */
export class OpenEmbedding {
  readonly prompts: readonly Uint32Array[];
  readonly promise: Promise<Float32Array[]>;
  readonly #vectors: Float32Array[];
  #next = 0;
  #missing: number;
  #resolve!: (vectors: Float32Array[]) => void;
  #reject!: (error: unknown) => void;
  #isOver = false;

  constructor(prompts: readonly Uint32Array[]) {
    this.prompts = prompts;
    this.#vectors = new Array<Float32Array>(prompts.length);
    this.#missing = prompts.length;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Index of the next prompt that no batch has; `null`: all are taken. */
  get next(): number | null {
    return this.#next < this.prompts.length ? this.#next : null;
  }

  take(): number {
    return this.#next++;
  }

  get waitingPrompts(): number {
    return this.prompts.length - this.#next;
  }

  get waitingTokens(): number {
    let tokens = 0;
    for (let i = this.#next; i < this.prompts.length; i++) tokens += this.prompts[i]!.length;
    return tokens;
  }

  /** Whether the request is complete now. */
  put(index: number, vector: Float32Array): boolean {
    if (this.#isOver) return false;
    this.#vectors[index] = vector;
    this.#missing -= 1;
    if (this.#missing > 0) return false;
    this.#isOver = true;
    this.#resolve(this.#vectors);
    return true;
  }

  fail(error: unknown): void {
    this.#isOver = true;
    this.#reject(error);
  }
}
