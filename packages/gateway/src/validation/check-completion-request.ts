import { type CompletionRequest, InvalidArgumentError } from "@dyn/protocol";
import { notSupportedYet } from "../errors/gateway-errors.ts";
import { checkSharedRules } from "./check-shared-rules.ts";

/** The rules between fields, and the fields that this server cannot honour. */
export function checkCompletionRequest(
  request: CompletionRequest,
  limits: { readonly choiceCount: number },
): void {
  checkSharedRules(request);
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
