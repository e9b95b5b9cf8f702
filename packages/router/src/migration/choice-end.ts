import type { PreprocessedRequest } from "@dyn/protocol";

export interface ChoiceEnd {
  readonly finish_reason: "stop" | "length";
  /** The stop id of the request that was matched. */
  readonly stop_reason?: number;
}

/**
 * How a choice ended whose worker was lost between its last token and the word of its end; `null` = it goes on.
 * An end by content wins over one by length.
 */
export function choiceEnd(
  request: PreprocessedRequest,
  tokenIds: readonly number[],
): ChoiceEnd | null {
  const stop = request.stop_conditions;
  const last = tokenIds.at(-1);
  if (last === undefined) return null;
  if (!stop.ignore_eos && tokenIds.length >= (stop.min_tokens ?? 0)) {
    const isStop = [stop.stop_token_ids, stop.stop_token_ids_visible].some((ids) =>
      ids?.includes(last),
    );
    if (isStop) return { finish_reason: "stop", stop_reason: last };
    const eos = stop.stop_token_ids_hidden ?? request.eos_token_ids;
    if (eos.includes(last)) return { finish_reason: "stop" };
  }
  return tokenIds.length >= (stop.max_tokens ?? Number.POSITIVE_INFINITY)
    ? { finish_reason: "length" }
    : null;
}
