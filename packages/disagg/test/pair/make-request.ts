import { randomBytes } from "node:crypto";
import {
  createGenerateRequest,
  type GenerateRequest,
  type GenerateRequestFields,
} from "@dyn/engine";

/** A greedy request of 8 new tokens unless told otherwise. */
export function makeRequest(fields: GenerateRequestFields): GenerateRequest {
  const sampling = { temperature: 0, maxNewTokens: 8, ...fields.sampling };
  return createGenerateRequest({ ...fields, sampling });
}

export function drawRoom(): bigint {
  return BigInt(`0x${randomBytes(8).toString("hex")}`) >> 1n;
}
