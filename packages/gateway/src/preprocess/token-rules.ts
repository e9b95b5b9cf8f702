// Which tokens the answer may have: checked here, where the vocabulary is known; the worker's engine keeps to it.
import { InvalidArgumentError, type SamplingRequest, type TokenRules } from "@dyn/protocol";

/** `null`: the request says nothing of it. Throws a 400 that names an id the model does not have. */
export function tokenRulesOf(
  request: SamplingRequest,
  { vocabSize }: { readonly vocabSize: number },
): TokenRules | null {
  const { allowed_token_ids: allowed, bad_words_token_ids: banned, detokenize } = request;
  check("allowed_token_ids", allowed ?? [], vocabSize);
  check("bad_words_token_ids", (banned ?? []).flat(), vocabSize);
  const rules = {
    ...(detokenize == null ? {} : { detokenize }),
    ...(allowed == null ? {} : { allowed_token_ids: allowed }),
    ...(banned == null || banned.length === 0 ? {} : { bad_words_token_ids: banned }),
  };
  return Object.keys(rules).length === 0 ? null : rules;
}

function check(param: string, ids: readonly number[], vocabSize: number): void {
  const id = ids.find((each) => each >= vocabSize);
  if (id === undefined) return;
  throw new InvalidArgumentError(
    `${param} has the id ${id}, but the model's token ids end at ${vocabSize - 1}.`,
    { param },
  );
}
