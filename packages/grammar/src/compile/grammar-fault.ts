import { InvalidArgumentError } from "@dyn/protocol";

/** The grammar that a request brings cannot be used: the message says where, what and the remedy. */
export function grammarFault(message: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError(message, {
    code: "DYN_GRAMMAR_INVALID",
    param: "grammar",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** User text for a message: short, on one line. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
