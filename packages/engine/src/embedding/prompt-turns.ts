// Who is computed next: requests take turns, a prompt each, so that a short request passes a long list by.
import type { OpenEmbedding } from "./open-embedding.ts";

export interface TakenPrompt {
  readonly request: OpenEmbedding;
  readonly index: number;
}

/** Requests that have prompts waiting. Bounded by whoever adds to it. */
export class PromptTurns {
  readonly #ring: OpenEmbedding[] = [];
  #waitingPrompts = 0;
  #waitingTokens = 0;

  get requestCount(): number {
    return this.#ring.length;
  }

  get waitingPrompts(): number {
    return this.#waitingPrompts;
  }

  get waitingTokens(): number {
    return this.#waitingTokens;
  }

  add(request: OpenEmbedding): void {
    this.#ring.push(request);
    this.#waitingPrompts += request.waitingPrompts;
    this.#waitingTokens += request.waitingTokens;
  }

  /** What it still waits for is forgotten. */
  remove(request: OpenEmbedding): void {
    const at = this.#ring.indexOf(request);
    if (at === -1) return;
    this.#ring.splice(at, 1);
    this.#waitingPrompts -= request.waitingPrompts;
    this.#waitingTokens -= request.waitingTokens;
  }

  /** A prompt of each request in turn until the next would exceed `maxTokens`; at least one when any waits. */
  takeBatch(maxTokens: number): TakenPrompt[] {
    const batch: TakenPrompt[] = [];
    let tokens = 0;
    for (;;) {
      const request = this.#ring[0];
      if (request === undefined) break;
      const { length } = request.prompts[request.next!]!;
      if (batch.length > 0 && tokens + length > maxTokens) break;
      batch.push({ request, index: request.take() });
      tokens += length;
      this.#ring.shift();
      if (request.next !== null) this.#ring.push(request);
    }
    this.#waitingPrompts -= batch.length;
    this.#waitingTokens -= tokens;
    return batch;
  }
}
