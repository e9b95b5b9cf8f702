// Rules that chat and text completions share and that a schema of single fields cannot say.
import { InvalidArgumentError, type SamplingRequest } from "@dyn/protocol";
import { notSupportedYet } from "../errors/gateway-errors.ts";

export function checkSharedRules(request: SamplingRequest): void {
  if (request.stream_options != null && request.stream !== true) {
    throw new InvalidArgumentError(
      "stream_options needs stream: true. Set it, or leave both out.",
      {
        param: "stream_options",
      },
    );
  }
  for (const field of ["allowed_token_ids", "bad_words_token_ids"] as const) {
    if (request[field] != null) {
      throw notSupportedYet(field, "Use logit_bias of 100 or -100 per token id instead.");
    }
  }
  if (request.detokenize === false) {
    throw notSupportedYet("detokenize: false", "Leave it out: answers are text.");
  }
  if (request.prompt_logprobs != null) {
    throw notSupportedYet(
      "prompt_logprobs",
      "Use /v1/completions with echo and logprobs to score a prompt.",
    );
  }
  if (request.nvext?.metadata_upload != null) {
    throw notSupportedYet("nvext.metadata_upload", "Leave it out.");
  }
  if (request.nvext?.max_thinking_tokens != null) {
    throw notSupportedYet("nvext.max_thinking_tokens", "Leave it out, or bound max_tokens.");
  }
}
