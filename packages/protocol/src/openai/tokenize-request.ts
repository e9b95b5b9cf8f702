// Bodies of POST /tokenize and /detokenize (SGLang, vLLM).
import { z } from "zod";
import { ChatMessage } from "./chat-message.ts";
import { ChatTools } from "./chat-tools.ts";
import { flag, jsonObject, nonEmptyText, text } from "./fields.ts";
import { listOf, tokenIdList } from "./list-of.ts";

const promptError = "must be a string or a list of at most 2048 strings";

/** Either `prompt` or `messages`. */
export const TokenizeRequest = z.strictObject(
  {
    model: nonEmptyText,
    prompt: z
      .union([text, listOf(text, { min: 1, max: 2048, error: promptError })], {
        error: promptError,
      })
      .optional(),
    /** A chat: it is rendered by the model's template first. */
    messages: listOf(ChatMessage, {
      min: 1,
      max: 65_536,
      error: "must be a list of 1 to 65536 messages",
    }).optional(),
    tools: ChatTools.nullish(),
    add_generation_prompt: flag.nullish(),
    continue_final_message: flag.nullish(),
    chat_template_kwargs: jsonObject.nullish(),
    /** Of prompts; the special tokens of a chat are its template's. Default true. */
    add_special_tokens: flag.nullish(),
    /** Also the text of each token. */
    return_token_strs: flag.nullish(),
  },
  { error: "must be an object" },
);
export type TokenizeRequest = z.infer<typeof TokenizeRequest>;

const tokensError = "must be a list of token ids, or a list of such lists";
const tokens = tokenIdList(tokensError);

export const DetokenizeRequest = z.strictObject(
  {
    model: nonEmptyText,
    tokens: z.union([tokens, listOf(tokens, { min: 1, max: 2048, error: tokensError })], {
      error: tokensError,
    }),
    /** Default true. */
    skip_special_tokens: flag.nullish(),
  },
  { error: "must be an object" },
);
export type DetokenizeRequest = z.infer<typeof DetokenizeRequest>;
