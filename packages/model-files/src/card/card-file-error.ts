import { DynError } from "@dyn/protocol";

export type CardFileErrorCode =
  /** Neither here nor where the card says. */
  | "DYN_CARD_FILE_MISSING"
  /** The content is another than the card says. */
  | "DYN_CARD_FILE_CHECKSUM"
  | "DYN_CARD_FILE_TOO_LARGE";

/** A file of a model card that cannot be used; the message names model, file and remedy. */
export class CardFileError extends DynError {
  constructor(code: CardFileErrorCode, message: string, cause?: unknown) {
    super(message, {
      code,
      status: 503,
      retryable: code === "DYN_CARD_FILE_MISSING",
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
