import type { ServerResponse } from "node:http";
import { DynError } from "@dyn/protocol";
import { type ErrorFormat, openAiErrors } from "../errors/error-format.ts";
import { errorToStatus } from "../errors/error-to-body.ts";
import { isOverload } from "../errors/overload-status.ts";

/** One write with its length: nothing is chunked. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, "application/json", JSON.stringify(body));
}

/** A whole answer; `nvext`, JSON already, stands last in it. */
export function sendAnswer(response: ServerResponse, answer: object, nvext: string | null): void {
  const text = JSON.stringify(answer);
  const whole = nvext === null ? text : `${text.slice(0, -1)},"nvext":${nvext}}`;
  sendText(response, 200, "application/json", whole);
}

export function sendText(
  response: ServerResponse,
  status: number,
  contentType: string,
  text: string,
): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** Refusals that may pass by themselves say when to come again. */
export function sendError(
  response: ServerResponse,
  error: unknown,
  format: ErrorFormat = openAiErrors,
): void {
  const status = errorToStatus(error);
  if (
    DynError.is(error) &&
    error.retryable &&
    (status === 429 || status === 503 || isOverload(error))
  ) {
    response.setHeader("retry-after", String(retryAfterSeconds(error)));
  }
  if (status === 401) response.setHeader("www-authenticate", "Bearer");
  sendJson(response, status, format.toBody(error));
}

/** At least 1. */
function retryAfterSeconds(error: DynError): number {
  const { retryAfterMs } = error as DynError & { readonly retryAfterMs?: number };
  return Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000));
}
