// From engine items of one choice to what it shows: text, reasoning, calls, stops, log-probabilities, end.
import { type EngineOutputItem, InternalError, type OpenAIFinishReason } from "@dyn/protocol";
import { createStopMatcher, type IncrementalDecoder, type StopMatcher } from "@dyn/tokenizer";
import type { ChoiceDelta, ChoiceTransformer } from "./choice-delta.ts";
import { toFinishReason } from "./finish-reason.ts";
import {
  joinSplit,
  nothingSplit,
  type OutputSplitter,
  plainText,
  type SplitText,
} from "./output-splitter.ts";
import type { StopRules } from "./stop-rules.ts";
import { TokenQueue } from "./token-queue.ts";

export interface ChoiceAssemblerOptions {
  readonly index: number;
  readonly decoder: IncrementalDecoder;
  readonly stop: StopRules;
  readonly wantsLogprobs: boolean;
  /** Where the generated text begins in the choice's text, in code points: behind an echoed prompt. */
  readonly textOffset?: number;
  /** Takes reasoning and tool calls out of the text; absent: all of it is content. */
  readonly splitter?: OutputSplitter | null;
  readonly wantsTokenIds?: boolean;
  /** Ids are told as they come: there is no text that they could wait for. */
  readonly isIdsAlone?: boolean;
  readonly transformers?: readonly ChoiceTransformer[];
}

export class ChoiceAssembler {
  readonly index: number;
  readonly #decoder: IncrementalDecoder;
  readonly #stop: StopRules;
  readonly #matcher: StopMatcher | null;
  readonly #tokens: TokenQueue | null;
  readonly #splitter: OutputSplitter | null;
  readonly #transformers: readonly ChoiceTransformer[];
  /** Ids that no delta has told of yet; `null`: not asked for. */
  #untoldIds: number[] | null;
  readonly #isIdsAlone: boolean;
  #tokenCount = 0;
  #reasoningTokenCount = 0;
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
    this.#splitter = options.splitter ?? null;
    this.#untoldIds = options.wantsTokenIds === true ? [] : null;
    this.#isIdsAlone = options.isIdsAlone === true;
    this.#transformers = options.transformers ?? [];
  }

  /** Tokens that count as produced: up to the stop, the stop included. */
  get tokenCount(): number {
    return this.#tokenCount;
  }

  /** Tokens of the reasoning, its markers included; `null` when none is looked for. */
  get reasoningTokenCount(): number | null {
    return this.#splitter === null ? null : this.#reasoningTokenCount;
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
    this.#untoldIds?.push(...(endAt === -1 ? ids : ids.slice(0, endAt + 1)));
    const read = this.#read(item, endAt === -1 ? ids.length : endAt);
    const reason = item.finish_reason ?? null;
    if (read.matched !== null) {
      this.#endedHere = reason === null;
      return this.#finish(read.split, "stop", read.matched, true);
    }
    if (endAt !== -1) {
      this.#tokenCount += 1;
      this.#endedHere = reason === null;
      const stopId = this.#stop.tokenIds.includes(ids[endAt]!) ? ids[endAt]! : null;
      return this.#flush(read.split, "stop", stopId);
    }
    if (reason !== null) {
      return this.#flush(read.split, toFinishReason(reason), item.stop_reason ?? null);
    }
    const tokens = this.#tokens?.takeDue(this.#shownLength) ?? null;
    const hasIds = this.#isIdsAlone && ids.length > 0;
    if (isNothing(read.split) && (tokens === null || tokens.length === 0) && !hasIds) return null;
    return this.#transform(read.split, tokens, null, null);
  }

  /** What the first `count` tokens show, or those up to a stop string among them. */
  #read(item: EngineOutputItem, count: number): Shown {
    const ids = item.token_ids;
    if (this.#matcher === null && this.#tokens === null && this.#splitter === null) {
      this.#tokenCount += count;
      const shown = count === ids.length ? ids : ids.slice(0, count);
      return this.#show(this.#decoder.push(shown));
    }
    let split = nothingSplit;
    for (let i = 0; i < count; i++) {
      this.#tokenCount += 1;
      const piece = this.#decoder.push([ids[i]!]);
      this.#tokens?.push(item, i, piece);
      const wasInside = this.#isInsideReasoning();
      const shown = this.#show(piece);
      // A marker's own tokens count too: they lead in, or out.
      const isReasoning = wasInside || shown.split.reasoning !== "" || this.#isInsideReasoning();
      if (isReasoning) this.#reasoningTokenCount += 1;
      split = joinSplit(split, shown.split);
      if (shown.matched !== null) return { split, matched: shown.matched };
    }
    return { split, matched: null };
  }

  #isInsideReasoning(): boolean {
    return this.#splitter?.isInsideReasoning ?? false;
  }

  /** Text that the decoder is sure of, past stop strings and parsers. */
  #show(piece: string): Shown {
    const isTooEarly = this.#tokenCount <= this.#stop.minTokens;
    if (this.#matcher === null || isTooEarly || piece === "") {
      return { split: this.#split(piece), matched: null };
    }
    const { text, matched } = this.#matcher.push(piece);
    const isShown = matched !== null && this.#stop.includeStopString;
    return { split: this.#split(isShown ? text + matched : text), matched };
  }

  #split(text: string): SplitText {
    this.#shownLength += text.length;
    if (this.#splitter === null) return plainText(text);
    return text === "" ? nothingSplit : this.#splitter.push(text);
  }

  /** The choice ends without a stop string: what was held back is shown, unless it holds one after all. */
  #flush(
    split: SplitText,
    finishReason: OpenAIFinishReason,
    stopReason: string | number | null,
  ): ChoiceDelta {
    const tail = this.#show(this.#decoder.flush());
    const all = joinSplit(split, tail.split);
    if (tail.matched !== null) return this.#finish(all, "stop", tail.matched, true);
    const held = this.#split(this.#matcher?.flush() ?? "");
    return this.#finish(joinSplit(all, held), finishReason, stopReason, false);
  }

  #finish(
    split: SplitText,
    reason: OpenAIFinishReason,
    stopReason: string | number | null,
    isCut: boolean,
  ): ChoiceDelta {
    this.#isFinished = true;
    const all = this.#splitter === null ? split : joinSplit(split, this.#splitter.finish());
    const tokens = this.#tokens?.takeRest(this.#shownLength, isCut) ?? null;
    const finishReason = this.#finishReason(reason);
    const delta = this.#transform(all, tokens, finishReason, stopReason);
    if (delta === null) throw new InternalError("A transformer swallowed the end of a choice.");
    return delta;
  }

  /** A call that was cut is none to run, however the text came to its end. */
  #finishReason(reason: OpenAIFinishReason): OpenAIFinishReason {
    if (reason !== "stop" || this.#splitter === null) return reason;
    if (this.#splitter.isCut) return "length";
    return this.#splitter.hasCalls ? "tool_calls" : "stop";
  }

  /** One per token: written out, since spreads cost more than all else that a plain token does here. */
  #transform(
    { text, reasoning, toolCalls, pieces }: SplitText,
    tokens: ChoiceDelta["tokens"],
    finishReason: ChoiceDelta["finishReason"],
    stopReason: ChoiceDelta["stopReason"],
  ): ChoiceDelta | null {
    const tokenIds = this.#untoldIds;
    let current: ChoiceDelta | null = {
      text,
      reasoning,
      toolCalls,
      pieces,
      tokens,
      tokenIds,
      finishReason,
      stopReason,
    };
    if (this.#untoldIds !== null) this.#untoldIds = [];
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

interface Shown {
  readonly split: SplitText;
  /** The stop string that ended it. */
  readonly matched: string | null;
}

function isNothing({ text, reasoning, toolCalls }: SplitText): boolean {
  return text === "" && reasoning === "" && toolCalls.length === 0;
}
