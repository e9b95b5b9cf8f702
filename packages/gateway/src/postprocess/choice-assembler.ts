// From engine items of one choice to what it shows: text, stops, log-probabilities, end.
import { type EngineOutputItem, InternalError, type OpenAIFinishReason } from "@dyn/protocol";
import { createStopMatcher, type IncrementalDecoder, type StopMatcher } from "@dyn/tokenizer";
import type { ChoiceDelta, ChoiceTransformer } from "./choice-delta.ts";
import { toFinishReason } from "./finish-reason.ts";
import type { StopRules } from "./stop-rules.ts";
import { TokenQueue } from "./token-queue.ts";

export interface ChoiceAssemblerOptions {
  readonly index: number;
  readonly decoder: IncrementalDecoder;
  readonly stop: StopRules;
  readonly wantsLogprobs: boolean;
  /** Where the generated text begins in the choice's text, in code points: behind an echoed prompt. */
  readonly textOffset?: number;
  readonly transformers?: readonly ChoiceTransformer[];
}

export class ChoiceAssembler {
  readonly index: number;
  readonly #decoder: IncrementalDecoder;
  readonly #stop: StopRules;
  readonly #matcher: StopMatcher | null;
  readonly #tokens: TokenQueue | null;
  readonly #transformers: readonly ChoiceTransformer[];
  #tokenCount = 0;
  #shownLength = 0;
  #isFinished = false;
  #endedHere = false;

  constructor(options: ChoiceAssemblerOptions) {
    this.index = options.index;
    this.#decoder = options.decoder;
    this.#stop = options.stop;
    this.#matcher =
      options.stop.strings.length > 0 ? createStopMatcher(options.stop.strings) : null;
    this.#tokens = options.wantsLogprobs
      ? new TokenQueue({ textOffset: options.textOffset ?? 0 })
      : null;
    this.#transformers = options.transformers ?? [];
  }

  /** Tokens that count as produced: up to the stop, the stop included. */
  get tokenCount(): number {
    return this.#tokenCount;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** The end was found here and not by the engine, which may still be computing. */
  get endedHere(): boolean {
    return this.#endedHere;
  }

  /** `null` when there is nothing to show yet. Items after the end are ignored. */
  push(item: EngineOutputItem): ChoiceDelta | null {
    if (this.#isFinished) return null;
    const ids = item.token_ids;
    const endAt = this.#findEndToken(item);
    const read = this.#read(item, endAt === -1 ? ids.length : endAt);
    const reason = item.finish_reason ?? null;
    if (read.matched !== null) {
      this.#endedHere = reason === null;
      return this.#finish(read.text, "stop", read.matched, true);
    }
    if (endAt !== -1) {
      this.#tokenCount += 1;
      this.#endedHere = reason === null;
      const stopId = this.#stop.tokenIds.includes(ids[endAt]!) ? ids[endAt]! : null;
      return this.#flush(read.text, "stop", stopId);
    }
    if (reason !== null) {
      return this.#flush(read.text, toFinishReason(reason), item.stop_reason ?? null);
    }
    this.#shownLength += read.text.length;
    const tokens = this.#tokens?.takeDue(this.#shownLength) ?? null;
    if (read.text === "" && (tokens === null || tokens.length === 0)) return null;
    return this.#transform({ text: read.text, tokens, finishReason: null, stopReason: null });
  }

  /** The text of the first `count` tokens, or up to a stop string among them. */
  #read(item: EngineOutputItem, count: number): MatchedText {
    const ids = item.token_ids;
    if (this.#matcher === null && this.#tokens === null) {
      this.#tokenCount += count;
      const shown = count === ids.length ? ids : ids.slice(0, count);
      return { text: this.#decoder.push(shown), matched: null };
    }
    let text = "";
    for (let i = 0; i < count; i++) {
      this.#tokenCount += 1;
      const piece = this.#decoder.push([ids[i]!]);
      this.#tokens?.push(item, i, piece);
      const shown = this.#match(piece);
      text += shown.text;
      if (shown.matched !== null) return { text, matched: shown.matched };
    }
    return { text, matched: null };
  }

  #match(piece: string): MatchedText {
    const isTooEarly = this.#tokenCount <= this.#stop.minTokens;
    if (this.#matcher === null || isTooEarly || piece === "") return { text: piece, matched: null };
    const { text, matched } = this.#matcher.push(piece);
    const isShown = matched !== null && this.#stop.includeStopString;
    return { text: isShown ? text + matched : text, matched };
  }

  /** The choice ends without a stop string: what was held back is shown, unless it holds one after all. */
  #flush(
    text: string,
    finishReason: OpenAIFinishReason,
    stopReason: string | number | null,
  ): ChoiceDelta {
    const tail = this.#match(this.#decoder.flush());
    if (tail.matched !== null) return this.#finish(text + tail.text, "stop", tail.matched, true);
    const held = this.#matcher?.flush() ?? "";
    return this.#finish(text + tail.text + held, finishReason, stopReason, false);
  }

  #finish(
    text: string,
    finishReason: OpenAIFinishReason,
    stopReason: string | number | null,
    isCut: boolean,
  ): ChoiceDelta {
    this.#isFinished = true;
    this.#shownLength += text.length;
    const tokens = this.#tokens?.takeRest(this.#shownLength, isCut) ?? null;
    const delta = this.#transform({ text, tokens, finishReason, stopReason });
    if (delta === null) throw new InternalError("A transformer swallowed the end of a choice.");
    return delta;
  }

  #transform(delta: ChoiceDelta): ChoiceDelta | null {
    let current: ChoiceDelta | null = delta;
    for (const transformer of this.#transformers) {
      if (current === null) return null;
      current = transformer.transform(current);
    }
    return current;
  }

  /** Index of the first id of the item that ends the choice without being shown, or -1. */
  #findEndToken(item: EngineOutputItem): number {
    const { tokenIds, eosTokenIds, minTokens } = this.#stop;
    const ids = item.token_ids;
    for (let i = 0; i < ids.length; i++) {
      const isEngineStop = item.finish_reason === "stop" && i === ids.length - 1;
      if (this.#tokenCount + i < minTokens && !isEngineStop) continue;
      if (eosTokenIds.includes(ids[i]!) || tokenIds.includes(ids[i]!)) return i;
    }
    return -1;
  }
}

interface MatchedText {
  readonly text: string;
  readonly matched: string | null;
}
