// A worker that takes chats is probed by the reference with a prompt instead of ids. Here chats have messages.
import type { RequestHandler } from "@dyn/runtime";

/** Of a canary without tokens: `prompt` in place of `token_ids`. */
export function textHealthPayload<Payload extends { readonly token_ids: unknown }>({
  token_ids: _,
  ...payload
}: Payload) {
  return { ...payload, prompt: "Test" };
}

interface PromptPayload {
  readonly prompt: string;
  readonly stop_conditions?: { readonly max_tokens?: number };
  readonly sampling_options?: { readonly temperature?: number };
}

/** The same handler of chats, which understands that payload too: one greedy token after a prompt. */
export function answerPrompts<Item>(
  handler: RequestHandler<unknown, Item>,
  model: string,
): RequestHandler<unknown, Item> {
  return (body, context) => handler(isPrompt(body) ? promptToChat(body, model) : body, context);
}

function isPrompt(body: unknown): body is PromptPayload {
  return (
    typeof body === "object" &&
    body !== null &&
    "prompt" in body &&
    typeof body.prompt === "string" &&
    !("messages" in body)
  );
}

function promptToChat({ prompt, stop_conditions, sampling_options }: PromptPayload, model: string) {
  return {
    model,
    messages: [{ role: "user", content: prompt }],
    max_tokens: stop_conditions?.max_tokens ?? 1,
    temperature: sampling_options?.temperature ?? 0,
  };
}
