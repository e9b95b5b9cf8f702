// Refuses what can never run, before it costs anything. Every message names field, value and remedy.
import { InvalidArgumentError } from "@dyn/protocol";
import type { GenerateRequest } from "../contract/generate-request.ts";

export interface RequestLimits {
  readonly vocabSize: number;
  /** Prompt and answer together. */
  readonly contextLength: number;
  /** Tokens that the page pool holds. */
  readonly poolTokens: number;
  /** Choices of one request. */
  readonly maxChoices: number;
}

export function validateRequest(request: GenerateRequest, limits: RequestLimits): void {
  const { tokenIds, n, resume, promptLogprobs, logprobs } = request;
  if (tokenIds.length === 0) refuse("tokenIds", "The prompt is empty; give at least one token.");
  checkIds("tokenIds", tokenIds, limits.vocabSize);
  if (!Number.isInteger(n) || n < 1 || n > limits.maxChoices) {
    refuse("n", `n is ${n}; it must be a whole number from 1 to ${limits.maxChoices}.`);
  }
  if (!Number.isFinite(request.priority)) {
    refuse("priority", `priority is ${request.priority}; it must be a finite number.`);
  }
  if (resume !== null && resume.length !== n) {
    refuse("resume", `resume has ${resume.length} choices, but n is ${n}; give one for each.`);
  }
  for (const choice of resume ?? []) checkIds("resume", choice.tokenIds, limits.vocabSize);
  if (logprobs !== null) checkTop("logprobs.top", logprobs.top, limits.vocabSize);
  if (promptLogprobs !== null) {
    const { top, start } = promptLogprobs;
    checkTop("promptLogprobs.top", top, limits.vocabSize);
    if (!Number.isInteger(start) || start < 0 || start > tokenIds.length) {
      refuse(
        "promptLogprobs.start",
        `promptLogprobs.start is ${start}; it must be a whole number from 0 to the prompt's ${tokenIds.length} tokens.`,
      );
    }
  }
  checkThinking(request, limits);
  checkLengths(request, limits);
}

function checkThinking({ thinking }: GenerateRequest, { vocabSize }: RequestLimits): void {
  if (thinking == null) return;
  const { maxTokens, openIds, closeIds, enderIds } = thinking;
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 0) {
    refuse(
      "thinking.maxTokens",
      `thinking.maxTokens is ${maxTokens}; it must be a whole number from 0 on.`,
    );
  }
  for (const ids of [closeIds, ...enderIds]) {
    if (ids.length === 0) refuse("thinking", "thinking has an end marker without ids; give them.");
  }
  for (const ids of [openIds, closeIds, ...enderIds]) checkIds("thinking", ids, vocabSize);
}

function checkLengths(request: GenerateRequest, limits: RequestLimits): void {
  const prompt = request.tokenIds.length;
  const { maxNewTokens } = request.sampling;
  const { contextLength, poolTokens } = limits;
  const produced = Math.max(0, ...(request.resume ?? []).map((choice) => choice.tokenIds.length));
  const least = maxNewTokens === 0 ? 0 : 1;
  if (prompt + least > contextLength) {
    refuse(
      "tokenIds",
      `The prompt has ${prompt} tokens, but prompt and answer together may have ${contextLength}; shorten the prompt to ${contextLength - least} tokens or fewer.`,
    );
  }
  if (maxNewTokens !== null && prompt + maxNewTokens > contextLength) {
    refuse(
      "sampling.maxNewTokens",
      `The prompt has ${prompt} tokens and sampling.maxNewTokens is ${maxNewTokens}: together ${prompt + maxNewTokens}, but the context length is ${contextLength}; ask for ${contextLength - prompt} new tokens or fewer, or shorten the prompt.`,
    );
  }
  if (prompt + produced > contextLength) {
    refuse(
      "resume",
      `Prompt and resumed answer have ${prompt + produced} tokens, but the context length is ${contextLength}.`,
    );
  }
  if (prompt + produced > poolTokens) {
    refuse(
      "tokenIds",
      `The prompt has ${prompt + produced} tokens, but the KV cache of this engine holds ${poolTokens}; shorten the prompt, or give the engine more KV memory (maxTotalTokens).`,
    );
  }
}

function checkIds(param: string, ids: ArrayLike<number>, vocabSize: number): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(id < vocabSize && id >= 0)) {
      refuse(
        param,
        `${param}[${i}] is ${id}, but the vocabulary ends at ${vocabSize - 1}; was the text encoded with this model's tokenizer?`,
      );
    }
  }
}

function checkTop(param: string, top: number, vocabSize: number): void {
  if (Number.isInteger(top) && top >= 0 && top <= vocabSize) return;
  refuse(param, `${param} is ${top}; it must be a whole number from 0 to ${vocabSize}.`);
}

function refuse(param: string, message: string): never {
  throw new InvalidArgumentError(message, { param });
}
