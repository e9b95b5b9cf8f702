import { DynError } from "@dyn/protocol";

/**
 * - `DYN_MODEL_FILE_MISSING`: a file or directory that must be there is not.
 * - `DYN_MODEL_FILE_INVALID`: a file is damaged, or says something that cannot be.
 * - `DYN_MODEL_FILE_UNREADABLE`: the operating system refused to read it.
 * - `DYN_MODEL_UNSUPPORTED`: the files are sound, dyn does not run such a model.
 */
export type ModelFileErrorCode =
  | "DYN_MODEL_FILE_MISSING"
  | "DYN_MODEL_FILE_INVALID"
  | "DYN_MODEL_FILE_UNREADABLE"
  | "DYN_MODEL_UNSUPPORTED";

/** Something is wrong with a model's files on disk. The message begins with the file's path. */
export class ModelFileError extends DynError {
  /** The file or directory at fault. */
  readonly file: string;

  constructor(
    code: ModelFileErrorCode,
    file: string,
    what: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(`${file}: ${what}`, { code, status: 500, cause: options.cause });
    this.file = file;
  }
}

/** An error of node:fs that says: no such file, or no such directory on the way to it. */
export function isNotFound(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** An error of node:fs as one that names the file. Every other error stays what it is. */
export function toFileError(error: unknown, file: string): unknown {
  if (error instanceof ModelFileError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code !== "string") return error;
  const cause = { cause: error };
  if (isNotFound(error)) {
    return new ModelFileError("DYN_MODEL_FILE_MISSING", file, "there is no such file.", cause);
  }
  const what = reasons[code] ?? `cannot be read (${code}).`;
  return new ModelFileError("DYN_MODEL_FILE_UNREADABLE", file, what, cause);
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "this process may not read it; check its permissions.",
  EPERM: "this process may not read it; check its permissions.",
  EISDIR: "is a directory, a file was expected.",
  ELOOP: "its symbolic links go in a circle.",
  EMFILE: "too many files are open; raise `ulimit -n`.",
  EIO: "the disk reported a read error.",
};
