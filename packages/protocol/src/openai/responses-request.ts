// The body of POST /v1/responses and /v1/responses/input_tokens. Fields that are not known are passed over, as in the
// reference.
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
} from "./fields.ts";
import { listOf } from "./list-of.ts";
import { Nvext } from "./nvext.ts";

const partTypes = ["input_text", "output_text", "refusal", "input_image", "input_file"] as const;
const ContentPart = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("input_text"), text }),
    z.looseObject({ type: z.literal("output_text"), text }),
    z.looseObject({ type: z.literal("refusal"), refusal: text }),
    z.looseObject({ type: z.literal("input_image"), image_url: text.nullish() }),
    z.looseObject({ type: z.literal("input_file") }),
  ],
  { error: taggedUnionErrors(partTypes) },
);
export type ResponsesContentPart = z.infer<typeof ContentPart>;

const contentError = "must be a string or a list of content parts";
const Content = z.union([text, listOf(ContentPart, { max: 16_384, error: contentError })], {
  error: contentError,
});

const Message = z.looseObject({
  /** May be left out: a role says enough. */
  type: z.literal("message").optional(),
  role: oneOf(["user", "assistant", "system", "developer"]),
  content: Content,
});

const texts = (type: string, max = 16_384) =>
  listOf(z.looseObject({ type: z.literal(type), text }), {
    max,
    error: `must be a list of ${type} parts`,
  });

const typedItems = [
  z.looseObject({
    type: z.literal("function_call"),
    call_id: nonEmptyText,
    name: nonEmptyText,
    arguments: text,
  }),
  z.looseObject({
    type: z.literal("function_call_output"),
    call_id: nonEmptyText,
    output: Content,
  }),
  z.looseObject({
    type: z.literal("reasoning"),
    summary: texts("summary_text").nullish(),
    content: texts("reasoning_text").nullish(),
  }),
  z.looseObject({ type: z.literal("item_reference"), id: nonEmptyText }),
] as const;

const itemTypes = [
  "message",
  "function_call",
  "function_call_output",
  "reasoning",
  "item_reference",
];
const Item = z
  .unknown()
  .transform((value, context): z.infer<typeof Message> | z.infer<(typeof typedItems)[number]> => {
    const type = isRecord(value) ? (value.type ?? "message") : undefined;
    const schema =
      type === "message"
        ? Message
        : z.discriminatedUnion("type", typedItems, { error: taggedUnionErrors(itemTypes) });
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    }
    return z.NEVER;
  });
export type ResponsesItem = z.infer<typeof Item>;

const toolError = 'must be "function": tools that OpenAI runs itself are not available here';
const Tool = z.looseObject({
  type: z.literal("function", { error: toolError }),
  name: nonEmptyText,
  description: text.nullish(),
  parameters: jsonObject.nullish(),
  strict: flag.nullish(),
});
export type ResponsesTool = z.infer<typeof Tool>;

const toolChoiceError = 'must be "none", "auto", "required" or {"type": "function", "name": ...}';
const ToolChoice = z.union(
  [
    oneOf(["none", "auto", "required"]),
    z.looseObject({ type: z.literal("function"), name: nonEmptyText }),
  ],
  { error: toolChoiceError },
);

const TextFormat = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("text") }),
    z.looseObject({ type: z.literal("json_object") }),
    z.looseObject({ type: z.literal("json_schema"), name: nonEmptyText, schema: jsonObject }),
  ],
  { error: taggedUnionErrors(["text", "json_object", "json_schema"]) },
);

const inputError = "must be a non-empty string or a list of items";

export const ResponsesRequest = z.looseObject(
  {
    model: nonEmptyText,
    input: z.union([nonEmptyText, listOf(Item, { max: 65_536, error: inputError })], {
      error: inputError,
    }),
    instructions: text.nullish(),
    tools: listOf(Tool, { max: 1536, error: "must be a list of at most 1536 tools" }).nullish(),
    tool_choice: ToolChoice.nullish(),
    parallel_tool_calls: flag.nullish(),
    max_output_tokens: integerBetween(1, maxU32).nullish(),
    /** Another name of max_output_tokens. */
    max_tokens: integerBetween(1, maxU32).nullish(),
    temperature: numberBetween(0, 2).nullish(),
    top_p: numberAboveUpTo(0, 1).nullish(),
    top_logprobs: integerBetween(0, 20).nullish(),
    include: listOf(text, { max: 32, error: "must be a list of at most 32 names" }).nullish(),
    text: z.looseObject({ format: TextFormat.nullish(), verbosity: text.nullish() }).nullish(),
    reasoning: z
      .looseObject({
        effort: oneOf(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).nullish(),
        summary: text.nullish(),
      })
      .nullish(),
    stream: flag.nullish(),
    metadata: z.unknown().optional(),
    user: text.nullish(),
    store: flag.nullish(),
    truncation: oneOf(["auto", "disabled"]).nullish(),
    service_tier: text.nullish(),
    previous_response_id: text.nullish(),
    conversation: z.unknown().optional(),
    background: flag.nullish(),
    max_tool_calls: z.unknown().optional(),
    prompt: z.unknown().optional(),
    nvext: Nvext.nullish(),
  },
  { error: "must be an object" },
);
export type ResponsesRequest = z.infer<typeof ResponsesRequest>;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
