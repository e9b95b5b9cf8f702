import type { ErrorType } from "../frontend/frontend-request.ts";

/** The frontend's words for failures, by HTTP status: few, whatever the errors say. */
export function statusToErrorType(status: number): ErrorType {
  switch (status) {
    case 404:
      return "not_found";
    case 429:
    case 529:
      return "overload";
    case 499:
      return "cancelled";
    case 501:
      return "not_implemented";
    case 503:
    case 504:
      return "unavailable";
    default:
      return status < 500 ? "validation" : "internal";
  }
}
