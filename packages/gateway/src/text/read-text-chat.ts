// The body that a worker of text is sent: a chat, or a bare prompt as health checks send it (Dynamo 1.6.1).
import { ChatCompletionRequest, InvalidArgumentError } from "@dyn/protocol";
import { checkBody } from "../validation/check-body.ts";
import type { TextChatModel } from "./text-chat-handler.ts";

/** A bare prompt becomes token ids that stand in for a chat. */
export function readTextChat(body: unknown, model: TextChatModel): ChatCompletionRequest {
  const fields: Record<string, unknown> = {
    ...(body as object | null),
    model: model.card.displayName,
  };
  const prompt = fields.messages === undefined ? (fields.prompt ?? fields.text) : undefined;
  if (prompt === undefined) return check(fields);
  if (typeof prompt !== "string" || prompt === "") {
    throw new InvalidArgumentError("prompt must be a non-empty string. Or send messages.", {
      param: "prompt",
    });
  }
  const limits = fields.stop_conditions as { readonly max_tokens?: unknown } | null | undefined;
  return check({
    ...fields,
    messages: [{ role: "user", content: prompt }],
    nvext: {
      ...(fields.nvext as object | null | undefined),
      token_data: [...model.tokenizer.encode(prompt, { addSpecialTokens: true })],
    },
    ...(typeof limits?.max_tokens === "number" ? { max_tokens: limits.max_tokens } : {}),
  });
}

/** The frontend has judged the body; what it lets through and we do not know has no meaning here. */
function check(fields: Record<string, unknown>): ChatCompletionRequest {
  return checkBody(ChatCompletionRequest, fields, { ignoreUnknownFields: true });
}
