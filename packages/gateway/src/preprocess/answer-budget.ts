import { contextLengthExceeded } from "../errors/gateway-errors.ts";

/**
 * Tokens that the answer may have. Throws a 400 with the figures when the prompt leaves no room,
 * or less than what was asked for by name. `null`: what is left, which the worker knows.
 */
export function answerBudget(options: {
  /** The request field that holds the prompt. */
  readonly param: string;
  readonly promptTokens: number;
  /** 0 = unknown: the worker has to say. */
  readonly contextLength: number;
  readonly asked: { readonly field: string; readonly value: number } | null;
  /** Used, as far as there is room, when nothing was asked for; `null` = all that is left. */
  readonly fallback: number | null;
}): number | null {
  const { contextLength, promptTokens, asked, param } = options;
  if (contextLength === 0) return asked?.value ?? options.fallback;
  const left = contextLength - promptTokens;
  if (left < 1 || (asked !== null && asked.value > left)) {
    const maxTokens = left < 1 ? null : asked;
    throw contextLengthExceeded({ param, contextLength, promptTokens, maxTokens });
  }
  return asked?.value ?? Math.min(options.fallback ?? left, left);
}
