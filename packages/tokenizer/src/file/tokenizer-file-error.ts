import { DynError } from "@dyn/protocol";

/** A tokenizer file is missing, damaged, or asks for a part that this package does not know. */
export class TokenizerFileError extends DynError {
  constructor(where: string, what: string, cause?: unknown) {
    super(`${where}: ${what}`, { code: "DYN_TOKENIZER_FILE_INVALID", status: 500, cause });
  }
}
