import type { Engine, FinishReason, GenerateOutput, GenerateRequest } from "@dyn/engine";

export interface Collected {
  readonly tokenIds: number[];
  readonly logprobs: number[];
  promptLogprobs: GenerateOutput["promptLogprobs"];
  finish: FinishReason | null;
  usage: GenerateOutput["usage"] | null;
}

/** Per choice, everything that was said. */
export async function collect(
  engine: Engine,
  request: GenerateRequest,
  signal?: AbortSignal,
): Promise<Collected[]> {
  const choices = Array.from(
    { length: request.n },
    (): Collected => ({
      tokenIds: [],
      logprobs: [],
      promptLogprobs: null,
      finish: null,
      usage: null,
    }),
  );
  for await (const output of engine.generate(request, signal === undefined ? {} : { signal })) {
    const choice = choices[output.index]!;
    choice.tokenIds.push(...output.tokenIds);
    choice.logprobs.push(...(output.logprobs ?? []).map(({ logprob }) => logprob));
    choice.promptLogprobs ??= output.promptLogprobs;
    choice.finish = output.finish;
    choice.usage = output.usage;
  }
  return choices;
}
