import { InvalidArgumentError } from "@dyn/protocol";
import type { SamplingParams } from "../contract/sampling-params.ts";

export interface SamplingLimits {
  readonly vocabSize: number;
  /** Whether stop strings and patterns can be matched; not checked when left out. */
  readonly hasTokenizer?: boolean;
}

/** Throws an InvalidArgumentError that names field, value and range. */
export function validateSamplingParams(params: SamplingParams, limits: SamplingLimits): void {
  const { maxNewTokens, minNewTokens, topK, seed } = params;
  if (maxNewTokens !== null) demandInteger("maxNewTokens", maxNewTokens, 0);
  demandInteger("minNewTokens", minNewTokens, 0);
  if (maxNewTokens !== null && minNewTokens > maxNewTokens) {
    refuse("minNewTokens", minNewTokens, `at most maxNewTokens (${maxNewTokens})`);
  }
  demand("temperature", params.temperature, (x) => x >= 0 && x < Infinity, "a finite number >= 0");
  demand("topP", params.topP, (x) => x > 0 && x <= 1, "in (0, 1]");
  demand(
    "topK",
    topK,
    (x) => Number.isInteger(x) && (x >= 1 || x === -1),
    "an integer >= 1, or -1 for all",
  );
  demand("minP", params.minP, (x) => x >= 0 && x <= 1, "in [0, 1]");
  demand("frequencyPenalty", params.frequencyPenalty, (x) => x >= -2 && x <= 2, "in [-2, 2]");
  demand("presencePenalty", params.presencePenalty, (x) => x >= -2 && x <= 2, "in [-2, 2]");
  demand("repetitionPenalty", params.repetitionPenalty, (x) => x > 0 && x <= 2, "in (0, 2]");
  for (const [id, bias] of Object.entries(params.logitBias)) {
    demandTokenId("logitBias", Number(id), limits.vocabSize);
    demand(`logitBias[${id}]`, bias, Number.isFinite, "a finite number");
  }
  if (params.allowedTokenIds !== null) {
    if (params.allowedTokenIds.length === 0) {
      refuse("allowedTokenIds", [], "null, or a list of at least one token id");
    }
    for (const id of params.allowedTokenIds) demandTokenId("allowedTokenIds", id, limits.vocabSize);
  }
  for (const row of params.bannedTokenRows) {
    if (row.length === 0) refuse("bannedTokenRows", row, "lists of at least one token id");
    for (const id of row) demandTokenId("bannedTokenRows", id, limits.vocabSize);
  }
  for (const id of params.stopTokenIds) demandTokenId("stopTokenIds", id, limits.vocabSize);
  if (seed !== null)
    demand("seed", seed, Number.isSafeInteger, "an integer of at most 53 bits, or null");
  validateStops(params, limits);
}

function validateStops(params: SamplingParams, limits: SamplingLimits): void {
  const field = params.stop.length > 0 ? "stop" : params.stopRegex.length > 0 ? "stopRegex" : null;
  if (limits.hasTokenizer === false && field !== null) {
    refuse(field, params[field], "empty, for this engine has no tokenizer; use stopTokenIds");
  }
  for (const text of params.stop) if (text === "") refuse("stop", text, "free of empty strings");
  for (const pattern of params.stopRegex) {
    try {
      new RegExp(pattern, "u");
    } catch (cause) {
      refuse("stopRegex", pattern, "a JavaScript regular expression", cause);
    }
  }
}

function demand(
  field: string,
  value: number,
  allowed: (value: number) => boolean,
  range: string,
): void {
  if (!allowed(value)) refuse(field, value, range);
}

function demandInteger(field: string, value: number, least: number): void {
  demand(field, value, (x) => Number.isSafeInteger(x) && x >= least, `an integer >= ${least}`);
}

function demandTokenId(field: string, id: number, vocabSize: number): void {
  const known = (x: number) => Number.isInteger(x) && x >= 0 && x < vocabSize;
  demand(field, id, known, `token ids in 0 .. ${vocabSize - 1}`);
}

function refuse(field: string, value: unknown, range: string, cause?: unknown): never {
  const shown = typeof value === "number" ? String(value) : JSON.stringify(value);
  throw new InvalidArgumentError(`sampling.${field} is ${shown}; it must be ${range}.`, {
    param: `sampling.${field}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
