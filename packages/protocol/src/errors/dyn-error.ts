/** Marks a DynError across copies of this package in one process. */
const mark = Symbol.for("dyn.error");

export interface DynErrorOptions {
  /** `DYN_<AREA>_<WHAT>`, stable: programs may branch on it. */
  readonly code: string;
  /** The HTTP status a gateway answers with. */
  readonly status: number;
  /** Whether the same request may succeed when sent again, here or at another worker. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** The request field at fault, in the spelling of the caller: `messages[0].role`. */
  readonly param?: string;
}

/**
 * The one base of every error that dyn raises on purpose.
 * A message says what was wrong, where, and what would be right.
 */
export class DynError extends Error {
  readonly [mark] = true;
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly param: string | undefined;

  constructor(message: string, options: DynErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.status = options.status;
    this.retryable = options.retryable ?? false;
    this.param = options.param;
  }

  static is(value: unknown): value is DynError {
    return typeof value === "object" && value !== null && mark in value;
  }
}
