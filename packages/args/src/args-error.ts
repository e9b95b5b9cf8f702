import { DynError } from "@dyn/protocol";

/** What can be wrong with arguments; each is the end of a code `DYN_ARGS_<WHAT>`. */
export type ArgsErrorKind =
  | "UNKNOWN_FLAG"
  | "AMBIGUOUS_FLAG"
  | "UNSUPPORTED_FLAG"
  | "MISSING_VALUE"
  | "INVALID_VALUE"
  | "MISSING_OPTION"
  | "UNEXPECTED_ARGUMENT"
  | "CONFLICT"
  | "CONFIG_FILE";

/**
 * The command line, the environment or a configuration file cannot be used.
 * The message names the flag, the value and the remedy; a program that meets it exits with status 2.
 */
export class ArgsError extends DynError {
  constructor(
    kind: ArgsErrorKind,
    message: string,
    options: { flag?: string; cause?: unknown } = {},
  ) {
    super(message, {
      code: `DYN_ARGS_${kind}`,
      status: 400,
      cause: options.cause,
      ...(options.flag === undefined ? {} : { param: options.flag }),
    });
  }
}
