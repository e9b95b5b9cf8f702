import { DynError } from "@dyn/protocol";

export function unavailable(what: string): DynError {
  return new DynError(`The executor ${what}.`, {
    code: "DYN_ENGINE_UNAVAILABLE",
    status: 503,
    retryable: true,
  });
}
