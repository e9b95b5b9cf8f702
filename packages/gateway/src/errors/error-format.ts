// The shape in which a route's clients expect its errors.
import { DynError } from "@dyn/protocol";
import { doneEvent, errorEvent } from "../http/sse-events.ts";
import { errorToBody, errorToStatus } from "./error-to-body.ts";

export interface ErrorFormat {
  toBody(error: unknown): unknown;
  /** What ends a stream that has begun. */
  toLastEvents(error: unknown): string;
}

export const openAiErrors: ErrorFormat = {
  toBody: errorToBody,
  toLastEvents: (error) => errorEvent(error) + doneEvent,
};

const anthropicTypes: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};

export const anthropicErrors: ErrorFormat = {
  toBody: toAnthropicBody,
  toLastEvents: (error) => `event: error\ndata: ${JSON.stringify(toAnthropicBody(error))}\n\n`,
};

function toAnthropicBody(error: unknown) {
  const status = errorToStatus(error);
  const type = anthropicTypes[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
  const param = DynError.is(error) ? error.param : undefined;
  return {
    type: "error",
    error: {
      type,
      message: errorToBody(error).error.message,
      ...(param === undefined ? {} : { param }),
    },
  };
}
