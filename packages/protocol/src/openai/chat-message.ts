// Messages of a chat request. Extra fields inside a message pass: templates may read them.
import { z } from "zod";
import { jsonObject, nonEmptyText, taggedUnionErrors, text } from "./fields.ts";
import { listOf } from "./list-of.ts";

const url = z.looseObject(
  { url: z.url({ error: "must be a URL" }) },
  { error: "must be an object with a url" },
);

export const ContentPart = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("text"), text }),
    z.looseObject({ type: z.literal("refusal"), refusal: text }),
    z.looseObject({ type: z.literal("image_url"), image_url: url }),
    z.looseObject({ type: z.literal("video_url"), video_url: url }),
    z.looseObject({
      type: z.literal("input_audio"),
      input_audio: z.looseObject({ data: text, format: text }, { error: "must be an object" }),
    }),
  ],
  { error: taggedUnionErrors(["text", "refusal", "image_url", "video_url", "input_audio"]) },
);
export type ContentPart = z.infer<typeof ContentPart>;

const Content = z.union(
  [
    text,
    listOf(ContentPart, { max: 16_384, error: "must be a list of at most 16384 content parts" }),
  ],
  {
    error: "must be a string or a list of content parts",
  },
);

const ToolCall = z.looseObject(
  {
    id: nonEmptyText,
    type: z.literal("function", { error: 'must be "function"' }).nullish(),
    function: z.looseObject(
      {
        name: nonEmptyText,
        arguments: z.union([text, jsonObject], { error: "must be a string of JSON" }).nullish(),
      },
      { error: "must be an object with name and arguments" },
    ),
  },
  { error: "must be an object with id and function" },
);

export const ChatMessage = z.discriminatedUnion(
  "role",
  [
    z.looseObject({ role: z.literal("developer"), content: Content }),
    z.looseObject({ role: z.literal("system"), content: Content }),
    z.looseObject({ role: z.literal("user"), content: Content }),
    z.looseObject({
      role: z.literal("assistant"),
      content: Content.nullish(),
      tool_calls: listOf(ToolCall, {
        max: 1536,
        error: "must be a list of at most 1536 tool calls",
      }).nullish(),
    }),
    z.looseObject({ role: z.literal("tool"), content: Content, tool_call_id: nonEmptyText }),
    z.looseObject({ role: z.literal("function"), content: Content.nullish(), name: nonEmptyText }),
  ],
  {
    error: taggedUnionErrors(["developer", "system", "user", "assistant", "tool", "function"]),
  },
);
export type ChatMessage = z.infer<typeof ChatMessage>;
