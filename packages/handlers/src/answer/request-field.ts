import { DynError } from "@dyn/protocol";

/** The engine's error about `prompts[i]`, in the words of the request: `fieldOf(i)`. */
export function nameRequestField(error: unknown, fieldOf: (index: number) => string): unknown {
  if (!DynError.is(error)) return error;
  const match = /^prompts\[(\d+)\]$/.exec(error.param ?? "");
  if (match === null) return error;
  const param = fieldOf(Number(match[1]));
  const { code, status, retryable } = error;
  const message = error.message.replaceAll(match[0], param);
  return new DynError(message, { code, status, retryable, param, cause: error });
}
