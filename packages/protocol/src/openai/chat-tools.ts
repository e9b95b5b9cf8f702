import { z } from "zod";
import { flag, jsonObject, nonEmptyText, oneOf, text } from "./fields.ts";
import { listOf } from "./list-of.ts";

const nameError = "must be a non-empty string of letters, digits, _ and -";
const maxToolCount = 1536;

export const ChatTool = z.looseObject(
  {
    type: z.literal("function", { error: 'must be "function"' }),
    function: z.looseObject(
      {
        name: z.string({ error: nameError }).regex(/^[A-Za-z0-9_-]+$/, { error: nameError }),
        description: text.nullish(),
        parameters: jsonObject.nullish(),
        strict: flag.nullish(),
      },
      { error: "must be an object with a name" },
    ),
  },
  { error: "must be an object with type and function" },
);
export type ChatTool = z.infer<typeof ChatTool>;

const toolsError = `must be a list of 1 to ${maxToolCount} tools`;
export const ChatTools = listOf(ChatTool, { min: 1, max: maxToolCount, error: toolsError });

export const ToolChoice = z.union(
  [
    oneOf(["none", "auto", "required"]),
    z.object({
      type: z.literal("function"),
      function: z.looseObject({ name: nonEmptyText }),
    }),
  ],
  {
    error: 'must be "none", "auto", "required" or {"type": "function", "function": {"name": ...}}',
  },
);
