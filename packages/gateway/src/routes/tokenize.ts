// POST /tokenize and /detokenize, also under /v1: what the model's tokenizer and template make of a text.
import {
  ChatCompletionRequest,
  DetokenizeRequest,
  InvalidArgumentError,
  TokenizeRequest,
} from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import { readJsonBody } from "../http/read-body.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import type { OperationDoc } from "../openapi/operation.ts";
import { renderChat } from "../preprocess/prepare-chat.ts";
import { toNumbers } from "../preprocess/to-numbers.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { parseJson } from "../validation/parse-json.ts";

export function tokenizeRoutes(context: GatewayContext): Route[] {
  const tokenize = (exchange: Exchange) => answerTokenize(context, exchange);
  const detokenize = (exchange: Exchange) => answerDetokenize(context, exchange);
  const tokenizeDoc: OperationDoc = {
    tag: "Tokens",
    summary: "The token ids of a text or a conversation.",
    request: { TokenizeRequest },
  };
  const detokenizeDoc: OperationDoc = {
    tag: "Tokens",
    summary: "The text of token ids.",
    request: { DetokenizeRequest },
  };
  return [
    { method: "POST", path: "/tokenize", doc: tokenizeDoc, handle: tokenize },
    { method: "POST", path: "/v1/tokenize", doc: tokenizeDoc, handle: tokenize },
    { method: "POST", path: "/detokenize", doc: detokenizeDoc, handle: detokenize },
    { method: "POST", path: "/v1/detokenize", doc: detokenizeDoc, handle: detokenize },
  ];
}

async function answerTokenize(context: GatewayContext, exchange: Exchange): Promise<void> {
  const { limits, models } = context;
  const body = parseJson(await readJsonBody(exchange, limits.bodySizeBytes), limits);
  const request = checkBody(TokenizeRequest, body);
  if ((request.prompt === undefined) === (request.messages === undefined)) {
    throw new InvalidArgumentError("Send one of prompt and messages.", { param: "prompt" });
  }
  const pipeline = models.any(request.model);
  await pipeline.use(async () => {
    const lists = await tokenLists(context, pipeline, request, exchange);
    const isBatch = Array.isArray(request.prompt);
    const texts =
      request.return_token_strs === true ? lists.map((ids) => textsOf(pipeline, ids)) : null;
    const counts = lists.map((ids) => ids.length);
    sendJson(exchange.response, 200, {
      tokens: isBatch ? lists : lists[0],
      count: isBatch ? counts : counts[0],
      max_model_len: pipeline.card.contextLength,
      ...(texts === null ? {} : { token_strs: isBatch ? texts : texts[0] }),
    });
  });
}

async function tokenLists(
  context: GatewayContext,
  pipeline: ModelPipeline,
  request: TokenizeRequest,
  exchange: Exchange,
): Promise<readonly (readonly number[])[]> {
  const { prompt } = request;
  if (prompt === undefined) {
    const { add_special_tokens: _, return_token_strs: __, ...chat } = request;
    const chatRequest = checkBody(ChatCompletionRequest, chat);
    checkChatRequest(chatRequest);
    const { tokenIds } = await renderChat(context, pipeline, chatRequest, { exchange });
    return [toNumbers(tokenIds)];
  }
  const options = {
    addSpecialTokens: request.add_special_tokens ?? true,
    signal: exchange.signal,
  };
  const lists: number[][] = [];
  for (const text of typeof prompt === "string" ? [prompt] : prompt) {
    lists.push(toNumbers(await pipeline.pool.encode(text, options)));
  }
  return lists;
}

async function answerDetokenize(context: GatewayContext, exchange: Exchange): Promise<void> {
  const { limits, models } = context;
  const body = parseJson(await readJsonBody(exchange, limits.bodySizeBytes), limits);
  const request = checkBody(DetokenizeRequest, body);
  const { tokenizer } = models.any(request.model);
  const isBatch = Array.isArray(request.tokens[0]);
  const lists = (isBatch ? request.tokens : [request.tokens]) as readonly (readonly number[])[];
  const options = { skipSpecialTokens: request.skip_special_tokens ?? true };
  const texts = lists.map((ids, i) => {
    const position = ids.findIndex((id) => id >= tokenizer.vocabSize);
    if (position === -1) return tokenizer.decode(ids, options);
    const param = isBatch ? `tokens[${i}][${position}]` : `tokens[${position}]`;
    throw new InvalidArgumentError(
      `${param} is ${ids[position]}, but the model's token ids end at ${tokenizer.vocabSize - 1}.`,
      { param },
    );
  });
  sendJson(exchange.response, 200, { text: isBatch ? texts : texts[0] });
}

function textsOf({ names }: ModelPipeline, ids: readonly number[]): string[] {
  return ids.map((id) => names.nameOf(id, false).text);
}
