// The body of POST /v1/messages and /v1/messages/count_tokens. Fields that are not known are passed over, as
// Anthropic's clients send new ones all the time.
import { z } from "zod";
import {
  flag,
  integerBetween,
  jsonObject,
  maxU32,
  nonEmptyText,
  numberAboveUpTo,
  numberBetween,
  oneOf,
  taggedUnionErrors,
  text,
} from "../openai/fields.ts";
import { listOf } from "../openai/list-of.ts";

const TextBlock = z.looseObject({ type: z.literal("text"), text });

const ImageBlock = z.looseObject({
  type: z.literal("image"),
  source: z.discriminatedUnion(
    "type",
    [
      z.looseObject({ type: z.literal("base64"), media_type: nonEmptyText, data: nonEmptyText }),
      z.looseObject({ type: z.literal("url"), url: nonEmptyText }),
    ],
    { error: taggedUnionErrors(["base64", "url"]) },
  ),
});

const resultError = "must be a string or a list of text and image blocks";
const ToolResultBlock = z.looseObject({
  type: z.literal("tool_result"),
  tool_use_id: nonEmptyText,
  content: z
    .union(
      [
        text,
        listOf(
          z.discriminatedUnion("type", [TextBlock, ImageBlock], {
            error: taggedUnionErrors(["text", "image"]),
          }),
          { max: 16_384, error: resultError },
        ),
      ],
      { error: resultError },
    )
    .nullish(),
  is_error: flag.nullish(),
});

const ContentBlock = z.discriminatedUnion(
  "type",
  [
    TextBlock,
    ImageBlock,
    z.looseObject({ type: z.literal("thinking"), thinking: text }),
    z.looseObject({ type: z.literal("redacted_thinking") }),
    z.looseObject({
      type: z.literal("tool_use"),
      id: nonEmptyText,
      name: nonEmptyText,
      input: jsonObject,
    }),
    ToolResultBlock,
  ],
  {
    error: taggedUnionErrors([
      "text",
      "image",
      "thinking",
      "redacted_thinking",
      "tool_use",
      "tool_result",
    ]),
  },
);
export type AnthropicContentBlock = z.infer<typeof ContentBlock>;

const contentError = "must be a string or a non-empty list of content blocks";
const Content = z.union(
  [text, listOf(ContentBlock, { min: 1, max: 16_384, error: contentError })],
  { error: contentError },
);

const Message = z.looseObject({ role: oneOf(["user", "assistant", "system"]), content: Content });
export type AnthropicMessage = z.infer<typeof Message>;

const toolTypeError =
  'must be "custom", or absent: tools that Anthropic runs itself are not available here';
const Tool = z.looseObject({
  type: z.literal("custom", { error: toolTypeError }).nullish(),
  name: nonEmptyText,
  description: text.nullish(),
  input_schema: jsonObject,
});
export type AnthropicTool = z.infer<typeof Tool>;

const parallel = { disable_parallel_tool_use: flag.nullish() };
const ToolChoice = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("auto"), ...parallel }),
    z.looseObject({ type: z.literal("any"), ...parallel }),
    z.looseObject({ type: z.literal("tool"), name: text.nullish(), ...parallel }),
    z.looseObject({ type: z.literal("none") }),
  ],
  { error: taggedUnionErrors(["auto", "any", "tool", "none"]) },
);

const messageCounts = { min: 1, max: 65_536, error: "must be a list of 1 to 65536 messages" };
const systemError = "must be a string or a list of text blocks";

const promptFields = {
  model: nonEmptyText,
  messages: listOf(Message, messageCounts),
  system: z
    .union([text, listOf(TextBlock, { max: 16_384, error: systemError })], { error: systemError })
    .nullish(),
  tools: listOf(Tool, { max: 1536, error: "must be a list of at most 1536 tools" }).nullish(),
  tool_choice: ToolChoice.nullish(),
  thinking: z
    .looseObject({
      type: oneOf(["enabled", "disabled", "adaptive"]),
      budget_tokens: integerBetween(0, maxU32).nullish(),
    })
    .nullish(),
};

/** The body of POST /v1/messages/count_tokens. */
export const CountTokensRequest = z.looseObject(promptFields, { error: "must be an object" });
export type CountTokensRequest = z.infer<typeof CountTokensRequest>;

const stopError = "must be a list of at most 32 non-empty strings";

/** The body of POST /v1/messages. */
export const MessagesRequest = z.looseObject(
  {
    ...promptFields,
    max_tokens: integerBetween(1, maxU32),
    temperature: numberBetween(0, 2).nullish(),
    top_p: numberAboveUpTo(0, 1).nullish(),
    top_k: integerBetween(0, maxU32).nullish(),
    stop_sequences: listOf(nonEmptyText, { max: 32, error: stopError }).nullish(),
    stream: flag.nullish(),
  },
  { error: "must be an object" },
);
export type MessagesRequest = z.infer<typeof MessagesRequest>;
