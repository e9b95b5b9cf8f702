// From what the engine says of one step to SGLang's own item, with only what is new in it.
import type { GenerateOutput, TokenLogprobs } from "@dyn/engine";
import { createStopMatcher, type StopMatcher, type Tokenizer } from "@dyn/tokenizer";
import type { NativeRequest } from "./native-request.ts";

interface Choice {
  readonly decoder: ReturnType<Tokenizer["createDecoder"]>;
  readonly matcher: StopMatcher | null;
  logprobCount: number;
  isOver: boolean;
}

export class NativeAnswer {
  readonly #native: NativeRequest;
  readonly #tokenizer: Tokenizer;
  readonly #id: string;
  readonly #choices: readonly Choice[];
  readonly #readWeightVersion: () => string;
  readonly #begunMs = performance.now();

  constructor(
    native: NativeRequest,
    options: {
      readonly tokenizer: Tokenizer;
      /** Where the caller gave none. */
      readonly id: string;
      readonly readWeightVersion: () => string;
    },
  ) {
    const { tokenizer, id, readWeightVersion } = options;
    this.#native = native;
    this.#tokenizer = tokenizer;
    this.#id = native.body.rid ?? id;
    this.#readWeightVersion = readWeightVersion;
    const { n } = native.request.sampling_options;
    this.#choices = Array.from({ length: n ?? 1 }, () => ({
      decoder: tokenizer.createDecoder({
        skipSpecialTokens: native.body.sampling_params?.skip_special_tokens ?? true,
      }),
      matcher: native.stop.length === 0 ? null : createStopMatcher(native.stop),
      logprobCount: 0,
      isOver: false,
    }));
  }

  /** No choice has anything left to say. */
  get isOver(): boolean {
    return this.#choices.every(({ isOver }) => isOver);
  }

  /** The tokens that a moved choice had before, so that its text goes on where it was. */
  resume(index: number, tokenIds: ArrayLike<number>): void {
    const choice = this.#choices[index]!;
    const before = choice.decoder.push(tokenIds);
    choice.matcher?.push(before);
  }

  /** `matched`: the stop string that ends the choice here. `null`: it had ended before. */
  accept(
    output: GenerateOutput,
  ): { readonly response: object; readonly matched: string | null } | null {
    const choice = this.#choices[output.index]!;
    if (choice.isOver) return null;
    const { text, matched } = this.#read(choice, output);
    const finish = matched === null ? finishOf(output) : { type: "stop", matched };
    choice.isOver = finish !== null;
    const { body, request } = this.#native;
    const { usage } = output;
    const response = {
      text,
      output_ids: output.tokenIds,
      meta_info: {
        id: this.#choices.length === 1 ? this.#id : `${this.#id}_${output.index}`,
        finish_reason: finish,
        prompt_tokens: usage.promptTokens,
        weight_version: this.#readWeightVersion(),
        ...this.#logprobs(choice, output),
        reasoning_tokens: 0,
        completion_tokens: usage.completionTokens,
        cached_tokens: usage.cachedTokens,
        ...(finish === null ? {} : { e2e_latency: (performance.now() - this.#begunMs) / 1000 }),
      },
      ...(body.return_prompt_token_ids === true
        ? { prompt_token_ids: [...request.token_ids] }
        : {}),
      ...(this.#choices.length === 1 ? {} : { index: output.index }),
    };
    return { response, matched };
  }

  #read(
    { decoder, matcher }: Choice,
    { tokenIds, finish }: GenerateOutput,
  ): { readonly text: string; readonly matched: string | null } {
    const keepsStop = this.#native.body.sampling_params?.no_stop_trim === true;
    const isStopId = finish?.type === "stop" && typeof finish.matched !== "string";
    const shown = isStopId && !keepsStop ? tokenIds.slice(0, -1) : tokenIds;
    const piece = decoder.push(shown) + (finish === null ? "" : decoder.flush());
    if (matcher === null) return { text: piece, matched: null };
    const { text, matched } = matcher.push(piece);
    if (matched !== null) return { text: keepsStop ? text + matched : text, matched };
    return { text: finish === null ? text : text + matcher.flush(), matched: null };
  }

  #logprobs(choice: Choice, output: GenerateOutput): Record<string, unknown> {
    const { body, request } = this.#native;
    if (output.logprobs === null) return {};
    const named = (tokenId: number) =>
      body.return_text_in_logprobs === true
        ? this.#tokenizer.decode([tokenId], { skipSpecialTokens: false })
        : null;
    const own = (entry: TokenLogprobs, id: number) => [entry.logprob, id, named(id)];
    const top = (entry: TokenLogprobs | null) =>
      entry === null
        ? null
        : entry.top.map(({ tokenId, logprob }) => [logprob, tokenId, named(tokenId)]);
    const start = Math.max(0, body.logprob_start_len ?? 0);
    const prompt = (output.promptLogprobs ?? []).slice(start);
    const withTop = (body.top_logprobs_num ?? 0) > 0;
    choice.logprobCount += output.logprobs.length;
    return {
      input_token_logprobs: prompt.map((entry, i) => {
        const id = request.token_ids[start + i]!;
        return entry === null ? [null, id, named(id)] : own(entry, id);
      }),
      output_token_logprobs: output.logprobs.map((entry, i) => own(entry, output.tokenIds[i]!)),
      output_token_logprobs_length: choice.logprobCount,
      ...(withTop
        ? { input_top_logprobs: prompt.map(top), output_top_logprobs: output.logprobs.map(top) }
        : {}),
    };
  }
}

function finishOf({ finish, tokenIds, usage }: GenerateOutput): Record<string, unknown> | null {
  switch (finish?.type) {
    case "stop":
      // SGLang names the end-of-sequence id too.
      return { type: "stop", matched: finish.matched ?? tokenIds.at(-1) ?? null };
    case "length":
      return { type: "length", length: usage.completionTokens };
    case "abort":
      return { type: "abort", message: finish.message, status_code: null, err_type: null };
    default:
      return null;
  }
}
