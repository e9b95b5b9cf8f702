import { z } from "zod";
import { ChatMessage } from "./chat-message.ts";
import { ChatTools, ToolChoice } from "./chat-tools.ts";
import {
  flag,
  integerBetween,
  jsonObject,
  maxU32,
  nonEmptyText,
  oneOf,
  taggedUnionErrors,
  text,
} from "./fields.ts";
import { listOf } from "./list-of.ts";
import { samplingFields } from "./sampling-fields.ts";

const maxMessageCount = 65_536;
const messagesError = `must be a list of 1 to ${maxMessageCount} messages`;

const ResponseFormat = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("text") }),
    z.looseObject({ type: z.literal("json_object") }),
    z.looseObject({
      type: z.literal("json_schema"),
      json_schema: z.looseObject(
        { name: nonEmptyText, schema: jsonObject },
        { error: "must be an object with name and schema" },
      ),
    }),
  ],
  { error: taggedUnionErrors(["text", "json_object", "json_schema"]) },
);

const templateVariables = jsonObject.nullish();

/** The body of POST /v1/chat/completions. Fields outside it are refused by name. */
export const ChatCompletionRequest = z.strictObject(
  {
    ...samplingFields,
    messages: listOf(ChatMessage, { min: 1, max: maxMessageCount, error: messagesError }),
    max_tokens: integerBetween(1, maxU32).nullish(),
    /** Wins over max_tokens. */
    max_completion_tokens: integerBetween(1, maxU32).nullish(),
    logprobs: flag.nullish(),
    top_logprobs: integerBetween(0, 20).nullish(),
    tools: ChatTools.nullish(),
    tool_choice: ToolChoice.nullish(),
    parallel_tool_calls: flag.nullish(),
    response_format: ResponseFormat.nullish(),
    reasoning_effort: oneOf(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).nullish(),
    thinking: z
      .union(
        [
          flag,
          z.looseObject({
            type: oneOf(["enabled", "disabled", "adaptive"]),
          }),
        ],
        { error: 'must be true, false or {"type": "enabled" | "disabled" | "adaptive"}' },
      )
      .nullish(),
    /** SGLang's: false shows reasoning as content. */
    separate_reasoning: flag.nullish(),
    /** SGLang's: false holds reasoning back until it is whole. */
    stream_reasoning: flag.nullish(),
    thinking_token_budget: integerBetween(0, maxU32).nullish(),
    chat_template_kwargs: templateVariables,
    /** Another spelling of chat_template_kwargs; only one of the two may be given. */
    chat_template_args: templateVariables,
    add_generation_prompt: flag.nullish(),
    continue_final_message: flag.nullish(),
    modalities: listOf(oneOf(["text", "audio"]), {
      max: 2,
      error: "must be a list of text, audio",
    }).nullish(),
    audio: jsonObject.nullish(),
    prediction: jsonObject.nullish(),
    web_search_options: jsonObject.nullish(),
    functions: z.unknown().optional(),
    function_call: z.unknown().optional(),
    service_tier: oneOf(["auto", "default", "flex", "scale", "priority", "fast"]).nullish(),
    prompt_cache_key: text.nullish(),
    mm_processor_kwargs: jsonObject.nullish(),
    media_io_kwargs: jsonObject.nullish(),
  },
  { error: "must be an object" },
);
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;
