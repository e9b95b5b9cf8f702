// Which tokens the answer may have: fields that Dynamo 1.6.1 sends among the extra arguments.
import type { SamplingParams } from "@dyn/engine";
import { InvalidArgumentError, type PreprocessedRequest, readTokenRules } from "@dyn/protocol";
import { z } from "zod";

export function toTokenRules(
  request: PreprocessedRequest,
): Pick<SamplingParams, "allowedTokenIds" | "bannedTokenRows"> {
  try {
    const { allowed_token_ids: allowed, bad_words_token_ids: banned } = readTokenRules(request);
    return {
      allowedTokenIds: allowed ?? null,
      bannedTokenRows: (banned ?? []).map((row) => (typeof row === "number" ? [row] : row)),
    };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new InvalidArgumentError(
      `extra_args.sampling_options is not valid: ${z.prettifyError(error)}`,
      { param: "extra_args.sampling_options", cause: error },
    );
  }
}
