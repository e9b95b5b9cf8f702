// A choice as a row of blocks (reasoning, text, calls), for the APIs whose answers are made of such.
import { type ChatTokenLogprob, InternalError, type OpenAIFinishReason } from "@dyn/protocol";
import { type ChatLogprobsOptions, toChatLogprobs } from "./chat-logprobs.ts";
import type { ChoiceAssembler } from "./choice-assembler.ts";
import type { ChoiceDelta, OutputPiece } from "./choice-delta.ts";
import { piecesOf } from "./output-splitter.ts";
import type { DeltaSink } from "./run-prompt.ts";

export interface AnswerBlock {
  readonly index: number;
  readonly kind: "text" | "reasoning" | "call";
  /** Of a call. */
  readonly call: { readonly id: string; readonly name: string } | null;
  /** What was said, or the call's arguments as JSON text. */
  text: string;
  /** Log-probabilities of a text block's tokens. */
  readonly tokens: ChatTokenLogprob[];
}

/** Told of each step, so that a stream can say it. */
export interface BlockListener {
  begun?(): void;
  opened?(block: AnswerBlock): void;
  /** `added` is already part of the block's text. */
  grew?(block: AnswerBlock, added: string, tokens: readonly ChatTokenLogprob[]): void;
  closed?(block: AnswerBlock): void;
}

export interface AnswerEnd {
  readonly finishReason: OpenAIFinishReason;
  readonly stopReason: string | number | null;
}

/** Of an answer with one choice. A whole answer is its blocks; a stream is what the listener heard. */
export class AnswerBlocks implements DeltaSink {
  readonly blocks: AnswerBlock[] = [];
  readonly #listener: BlockListener;
  readonly #pipe: Pick<DeltaSink, "isFull" | "drained"> | null;
  readonly #logprobs: ChatLogprobsOptions | null;
  #open: AnswerBlock | null = null;
  #hasBegun = false;
  #end: AnswerEnd | null = null;

  constructor(
    options: {
      readonly listener?: BlockListener;
      /** Where the listener writes. */
      readonly pipe?: Pick<DeltaSink, "isFull" | "drained">;
      /** `null`: no log-probabilities. */
      readonly logprobs?: ChatLogprobsOptions | null;
    } = {},
  ) {
    this.#listener = options.listener ?? {};
    this.#pipe = options.pipe ?? null;
    this.#logprobs = options.logprobs ?? null;
  }

  get isFull(): boolean {
    return this.#pipe?.isFull ?? false;
  }

  async drained(): Promise<void> {
    await this.#pipe?.drained();
  }

  /** How the choice ended. Throws before it has. */
  get end(): AnswerEnd {
    if (this.#end === null) throw new InternalError("The answer has no end.");
    return this.#end;
  }

  accept(_choice: ChoiceAssembler, delta: ChoiceDelta): void {
    const { tokens, finishReason, stopReason } = delta;
    const isScored = this.#logprobs !== null && tokens !== null;
    this.say(piecesOf(delta), isScored ? toChatLogprobs(tokens, this.#logprobs).content! : []);
    if (finishReason !== null) this.finish({ finishReason, stopReason });
  }

  /** More of the answer, in its order. `tokens`: of its text. */
  say(pieces: readonly OutputPiece[], tokens: readonly ChatTokenLogprob[]): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#listener.begun?.();
    }
    let untold = tokens;
    for (const piece of pieces) {
      const block = this.#blockOf(piece);
      const added = piece.kind === "call" ? piece.call.arguments : piece.text;
      // A token shows in one block alone, and only text has log-probabilities.
      const shown = piece.kind === "text" ? untold : [];
      if (shown.length > 0) untold = [];
      if (added === "" && shown.length === 0) continue;
      block.text += added;
      block.tokens.push(...shown);
      this.#listener.grew?.(block, added, shown);
    }
  }

  /** All is said. */
  finish(end: AnswerEnd): void {
    this.#close();
    this.#end = end;
  }

  #blockOf(piece: OutputPiece): AnswerBlock {
    const begin = piece.kind === "call" ? piece.call.begin : null;
    if (this.#open !== null && this.#open.kind === piece.kind && begin === null) return this.#open;
    this.#close();
    const block: AnswerBlock = {
      index: this.blocks.length,
      kind: piece.kind,
      call: begin,
      text: "",
      tokens: [],
    };
    this.blocks.push(block);
    this.#open = block;
    this.#listener.opened?.(block);
    return block;
  }

  #close(): void {
    const block = this.#open;
    this.#open = null;
    if (block !== null) this.#listener.closed?.(block);
  }
}
