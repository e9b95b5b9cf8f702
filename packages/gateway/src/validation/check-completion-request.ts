import { type CompletionRequest, InvalidArgumentError } from "@dyn/protocol";
import { notSupportedYet } from "../errors/gateway-errors.ts";
import { checkSharedRules } from "./check-shared-rules.ts";

/** The rules between fields, and the fields that this server cannot honour. */
export function checkCompletionRequest(
  request: CompletionRequest,
  limits: { readonly choiceCount: number },
): void {
  checkSharedRules(request);
  if (request.prompt_logprobs != null) {
    throw notSupportedYet("prompt_logprobs", "Use echo with logprobs to score a prompt.");
  }
  if (request.detokenize === false && (request.echo === true || Array.isArray(request.prompt))) {
    const isBatch = Array.isArray(request.prompt) && typeof request.prompt[0] !== "number";
    const param = request.echo === true ? "echo" : "prompt";
    if (request.echo === true || (isBatch && request.stream !== true)) {
      throw new InvalidArgumentError(
        `${param} asks for more than the ids of one answer, but detokenize is false. Leave one of them out${param === "prompt" ? ", or set stream: true" : ""}.`,
        { param },
      );
    }
  }
  const n = request.n ?? 1;
  if (request.suffix != null && request.suffix !== "") {
    throw notSupportedYet("suffix", "Put what follows into the prompt in the model's own form.");
  }
  if (request.best_of != null && request.best_of !== n) {
    throw notSupportedYet(
      `best_of ${request.best_of} with n ${n}`,
      "Set best_of to n, or leave it out.",
    );
  }
  const promptCount = countPrompts(request.prompt);
  if (promptCount * n > limits.choiceCount) {
    throw new InvalidArgumentError(
      `${promptCount} prompts with n ${n} make ${promptCount * n} choices, but one request may have at most ${limits.choiceCount}.`,
      { param: "prompt" },
    );
  }
}

function countPrompts(prompt: CompletionRequest["prompt"]): number {
  return typeof prompt === "string" || typeof prompt[0] === "number" ? 1 : prompt.length;
}
