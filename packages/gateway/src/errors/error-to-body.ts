// From any thrown value to what a client is told.
import { STATUS_CODES } from "node:http";
import { DynError, type OpenAIErrorBody } from "@dyn/protocol";

const typesByStatus: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  499: "request_cancelled",
  501: "not_implemented_error",
  503: "service_unavailable",
  504: "timeout_error",
  529: "overloaded_error",
};

/** A fault that nobody raised on purpose keeps its text to the log. */
export function errorToStatus(error: unknown): number {
  return DynError.is(error) ? error.status : 500;
}

export function errorToBody(error: unknown): OpenAIErrorBody {
  const status = errorToStatus(error);
  const isOurs = DynError.is(error) && error.code !== "DYN_INTERNAL";
  const message = isOurs
    ? error.message
    : "The server failed on this request; its log has the cause.";
  return {
    error: {
      message,
      type:
        typesByStatus[status] ?? (status < 500 ? "invalid_request_error" : "internal_server_error"),
      param: (DynError.is(error) ? error.param : undefined) ?? null,
      code: DynError.is(error) ? clientCode(error.code) : null,
    },
    message,
    type: STATUS_CODES[status] ?? (status === 529 ? "Overloaded" : "Error"),
    code: status,
  };
}

/** `DYN_GATEWAY_MODEL_NOT_FOUND` is `model_not_found` to clients, as OpenAI spells it. */
function clientCode(code: string): string {
  return code.split("_").slice(2).join("_").toLowerCase() || "internal";
}
