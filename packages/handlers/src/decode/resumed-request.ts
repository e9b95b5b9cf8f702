// A request whose answer was begun elsewhere, as the engine wants it: the prompt alone, and where each choice stands.
import { deriveSeed, type ResumedChoice } from "@dyn/engine";
import { InvalidArgumentError, type PreprocessedRequest, readResumeField } from "@dyn/protocol";
import { z } from "zod";
import { foldSeed } from "./fold-seed.ts";

export interface ResumedRequest {
  /** Prompt and limits as they were at first. */
  readonly request: PreprocessedRequest;
  /** One per choice. The seed and the number of tokens are all of a sampler's state. */
  readonly choices: readonly ResumedChoice[];
}

/** `null` for a fresh request. */
export function toResumedRequest(request: PreprocessedRequest): ResumedRequest | null {
  const field = readField(request);
  if (field === null) return null;
  const seed = foldSeed(request.sampling_options.seed ?? 0);
  return {
    request: {
      ...request,
      token_ids: request.token_ids.slice(0, field.prompt_tokens),
      stop_conditions: {
        ...request.stop_conditions,
        max_tokens: field.max_tokens,
        min_tokens: field.min_tokens,
      },
    },
    choices: field.choices.map(({ token_ids: tokenIds }, index) => ({
      tokenIds: Uint32Array.from(tokenIds),
      samplerState: { seed: deriveSeed(seed, index), step: tokenIds.length },
    })),
  };
}

function readField(request: PreprocessedRequest) {
  try {
    return readResumeField(request);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new InvalidArgumentError(`The answer cannot be resumed: ${z.prettifyError(error)}`, {
      param: "extra_args.dyn_resume",
      cause: error,
    });
  }
}
