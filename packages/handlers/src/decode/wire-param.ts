import { DynError } from "@dyn/protocol";

/** The engine's names of request fields, in the spelling of whoever sent the request. */
const wireNames: Readonly<Record<string, string>> = {
  "sampling.maxNewTokens": "max_tokens",
  "sampling.minNewTokens": "min_tokens",
  "sampling.temperature": "temperature",
  "sampling.topP": "top_p",
  "sampling.topK": "top_k",
  "sampling.minP": "min_p",
  "sampling.frequencyPenalty": "frequency_penalty",
  "sampling.presencePenalty": "presence_penalty",
  "sampling.repetitionPenalty": "repetition_penalty",
  "sampling.logitBias": "logit_bias",
  "sampling.allowedTokenIds": "allowed_token_ids",
  "sampling.bannedTokenRows": "bad_words_token_ids",
  "sampling.stopTokenIds": "stop_token_ids",
  "sampling.seed": "seed",
  tokenIds: "token_ids",
  grammar: "guided_decoding",
};

/** The same error, naming the field as the request does. */
export function toWireParam(error: unknown): unknown {
  if (!DynError.is(error) || error.param === undefined) return error;
  const own = error.param.replace(/\[.*$/, "");
  const param = wireNames[own];
  if (param === undefined) return error;
  const { code, status, retryable } = error;
  // Names of parameters are no words that could mean something else in the sentence.
  const message = own.startsWith("sampling.")
    ? error.message.replaceAll(own, param)
    : error.message;
  return new DynError(message, { code, status, retryable, param, cause: error });
}
