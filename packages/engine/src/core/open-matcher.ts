import type { CompiledGrammar, GrammarMatcher } from "@dyn/grammar";
import { InvalidArgumentError } from "@dyn/protocol";
import type { GenerateRequest } from "../contract/generate-request.ts";

/** A matcher that stands behind the tokens that a choice has produced elsewhere. */
export function openMatcher(
  request: GenerateRequest,
  grammar: CompiledGrammar | null,
  produced: ArrayLike<number>,
): GrammarMatcher | null {
  if (grammar === null || request.grammar == null) return null;
  const { ignoreEos, stopTokenIds } = request.sampling;
  const matcher = grammar.createMatcher({
    endTokenIds: ignoreEos ? [] : request.eosTokenIds,
    stopTokenIds: ignoreEos ? [] : stopTokenIds,
    startsAfter: request.grammar.startsAfter,
  });
  for (let i = 0; i < produced.length; i++) {
    if (matcher.accept(produced[i]!)) continue;
    throw new InvalidArgumentError(
      `resume: token ${produced[i]} at step ${i} is not allowed by the request's grammar; send the grammar that the answer was begun with.`,
      { param: "resume" },
    );
  }
  return matcher;
}
