// Models as Anthropic's clients list them.
import type { ModelEntry } from "./models.ts";

export function toAnthropicModel({ id, model }: ModelEntry) {
  return {
    type: "model",
    id,
    display_name: model.name,
    created_at: new Date(model.readyAtSeconds * 1000).toISOString(),
    max_input_tokens: model.card.contextLength,
  };
}

/** All on one page. */
export function toAnthropicModelList(entries: readonly ModelEntry[]) {
  return {
    data: entries.map(toAnthropicModel),
    has_more: false,
    first_id: entries[0]?.id ?? null,
    last_id: entries.at(-1)?.id ?? null,
  };
}
