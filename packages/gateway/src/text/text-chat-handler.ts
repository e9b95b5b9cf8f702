// A worker that takes chats as text: template, tokenizer, parsers and OpenAI's chunks on the worker's side.
// The same code makes them at a frontend, so both ways say the same.
import type { ChatCompletionChunk, EngineOutputItem } from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { incompleteStream } from "../errors/gateway-errors.ts";
import { createChatChunkFormat, openChatChoice } from "../postprocess/format-chat-choice.ts";
import { nameFormField } from "../postprocess/name-form-field.ts";
import type { TokenNames } from "../postprocess/token-names.ts";
import { sumUsage } from "../postprocess/usage-meter.ts";
import { type ChatModel, prepareChat } from "../preprocess/prepare-chat.ts";
import { defaultSettings } from "../settings.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { readTextChat } from "./read-text-chat.ts";

export type TextChatModel = ChatModel & { readonly names: TokenNames };

/** With what the request's nvext asked for. */
export type TextChatChunk = ChatCompletionChunk & { readonly nvext?: Record<string, unknown> };

/**
 * Takes the body of a chat request and yields its chunks; the last one has the usage and no choices, which frontends
 * show to clients that asked for it. `tokens` serves the same worker's requests of token ids.
 */
export function createTextChatHandler(options: {
  readonly model: TextChatModel;
  readonly tokens: RequestHandler<unknown, EngineOutputItem>;
  readonly excludeToolsWhenToolChoiceNone?: boolean;
  readonly nowMs?: () => number;
}): RequestHandler<unknown, TextChatChunk> {
  const { model, tokens, nowMs = Date.now } = options;
  const { excludeToolsWhenToolChoiceNone = defaultSettings.excludeToolsWhenToolChoiceNone } =
    options;
  const settings = { ...defaultSettings, excludeToolsWhenToolChoiceNone };
  return async function* (body, context) {
    const request = readTextChat(body, model);
    checkChatRequest(request);
    const prompt = await prepareChat({ settings }, model, request, {
      exchange: { signal: context.signal, tenant: null, request: { headers: {} } },
    });
    const { choices, usage } = prompt;
    const head = {
      id: `chatcmpl-${context.id}`,
      created: Math.floor(nowMs() / 1000),
      model: model.card.displayName,
      object: "chat.completion.chunk" as const,
    };
    const format = createChatChunkFormat({
      reasoningField: settings.reasoningField,
      logprobs:
        request.logprobs === true
          ? {
              names: model.names,
              asIds: request.return_tokens_as_token_ids === true,
              topCount: request.top_logprobs ?? null,
            }
          : null,
    });
    const wantsStopReason = prompt.hints.extraFields.has("stop_reason");
    const begun = new Set<number>();
    try {
      for await (const { data: item } of tokens(prompt.request, context)) {
        const choice = item === undefined ? undefined : choices[item.index ?? 0];
        if (item === undefined || choice === undefined) continue;
        usage.observe(item);
        const delta = choice.push(item);
        if (delta === null) continue;
        // Written as the frontend writes it, and read back: one place knows the form.
        if (request.logprobs === true && !begun.has(choice.index)) {
          begun.add(choice.index);
          yield { data: { ...head, choices: [JSON.parse(openChatChoice(choice.index))] } };
        }
        const text = format(choice.index, delta, !begun.has(choice.index));
        begun.add(choice.index);
        const { stopReason } = delta;
        const nvext =
          wantsStopReason && stopReason !== null ? { nvext: { stop_reason: stopReason } } : {};
        yield { data: { ...head, choices: [JSON.parse(text)], ...nvext } };
        const isOver = choices.every(({ isFinished }) => isFinished);
        // Leaving the loop ends the request in the engine, which would otherwise compute on unheard.
        if (isOver && choices.some(({ endedHere }) => endedHere)) break;
      }
    } catch (error) {
      throw nameFormField(error, prompt.formField);
    }
    if (choices.some(({ isFinished }) => !isFinished)) {
      context.signal.throwIfAborted();
      throw incompleteStream();
    }
    yield { data: { ...head, choices: [], usage: sumUsage([usage], choices) } };
  };
}
