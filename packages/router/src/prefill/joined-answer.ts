// Items of a decode worker whose prompt was prefilled elsewhere.
import type { EngineOutputItem } from "@dyn/protocol";
import type { Annotated } from "@dyn/runtime";

export function isAnswer({ data }: Annotated<EngineOutputItem>): boolean {
  return (data?.token_ids.length ?? 0) > 0 || data?.finish_reason != null;
}

/** The decode worker has nothing of the prompt cached; the prefill worker knows better. */
export function withCachedTokens(
  item: Annotated<EngineOutputItem>,
  cachedTokens: number | null,
): Annotated<EngineOutputItem> {
  const usage = item.data?.completion_usage;
  if (cachedTokens === null || usage == null) return item;
  const details = { ...usage.prompt_tokens_details, cached_tokens: cachedTokens };
  const completion_usage = { ...usage, prompt_tokens_details: details };
  return { ...item, data: { ...item.data!, completion_usage } };
}
