import { UnavailableError } from "@dyn/protocol";

/** An answer whose end never came: it may go on at another worker. */
export function brokenAnswer(
  message = "The worker's response broke off before its end.",
): UnavailableError {
  return new UnavailableError(message, { code: "DYN_RUNTIME_DISCONNECTED" });
}
