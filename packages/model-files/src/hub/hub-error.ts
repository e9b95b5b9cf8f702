import { DynError } from "@dyn/protocol";

/**
 * - `DYN_HUB_ID_INVALID`: neither a directory nor a hub id.
 * - `DYN_HUB_UNAUTHORIZED`, `DYN_HUB_GATED`: a token is missing, wrong or without access.
 * - `DYN_HUB_NOT_FOUND`: no such model, revision or file.
 * - `DYN_HUB_UNAVAILABLE`: unreachable, rate limited or failing, also after retries.
 * - `DYN_HUB_OFFLINE`: HF_HUB_OFFLINE is set and the cache lacks something.
 * - `DYN_HUB_CORRUPT`: what arrived is not what was announced.
 * - `DYN_HUB_DISK`: the cache cannot be written.
 */
export type HubErrorCode =
  | "DYN_HUB_ID_INVALID"
  | "DYN_HUB_UNAUTHORIZED"
  | "DYN_HUB_GATED"
  | "DYN_HUB_NOT_FOUND"
  | "DYN_HUB_UNAVAILABLE"
  | "DYN_HUB_OFFLINE"
  | "DYN_HUB_CORRUPT"
  | "DYN_HUB_DISK";

/** A model could not be brought from the hub. The message says what to do. */
export class HubError extends DynError {
  constructor(code: HubErrorCode, message: string, cause?: unknown) {
    const retryable = code === "DYN_HUB_UNAVAILABLE" || code === "DYN_HUB_CORRUPT";
    super(message, { code, status: 500, retryable, cause });
  }
}

/** An error of writing below `path`, in words. */
export function diskError(error: unknown, path: string): HubError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC:
      "the disk is full. Free some space, or set HF_HOME to a larger disk; the download goes on where it stopped.",
    EDQUOT: "the disk quota is used up. Set HF_HOME to another disk.",
    EACCES: "this process may not write there. Set HF_HOME to a directory that it may write.",
    EPERM: "this process may not write there. Set HF_HOME to a directory that it may write.",
    EROFS: "the file system is read-only. Set HF_HOME to a directory that can be written.",
  };
  const reason = reasons[code] ?? `the file system refused (${code}).`;
  return new HubError("DYN_HUB_DISK", `${path}: ${reason}`, error);
}
