import { ArgsError } from "../args-error.ts";
import type { NativeFlag } from "../native/native-flag.ts";

/**
 * Decides on a flag that is known and not implemented: returns the notice for the log, nothing when its
 * value asks for what happens anyway, or throws with the reason and the remedy.
 */
export function judgeNative(
  native: NativeFlag,
  spelled: string,
  values: readonly string[],
): string | undefined {
  if (native.verdict === "notice")
    return `${spelled} is accepted and has no effect here: ${native.reason}`;
  const asked = values.length === 0 ? "true" : values.join(" ");
  if (native.accepts?.some((value) => value.toLowerCase() === asked.toLowerCase()))
    return undefined;
  // a value is shown only where it decides: others may be secrets, as that of --api-key
  const shown = native.accepts === undefined ? spelled : `${spelled} ${asked}`;
  throw new ArgsError("UNSUPPORTED_FLAG", `${shown} is refused: ${native.reason}`, {
    flag: spelled,
  });
}
