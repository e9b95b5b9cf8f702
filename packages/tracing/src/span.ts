// What is said of a request while it runs, whoever listens.

/** W3C trace context, as it stands in headers. */
export interface TraceParent {
  /** `00-{32 hex}-{16 hex}-{2 hex}` */
  readonly traceparent: string;
  readonly tracestate?: string;
}

export type AttributeValue = string | number | boolean | readonly string[] | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue | null | undefined>>;

export interface SpanOptions {
  /** `server`: it answers another process. `client`: it waits for one. Default `internal`. */
  readonly kind?: "server" | "client" | "internal";
  readonly attributes?: Attributes;
  /** Milliseconds since 1970; default now. */
  readonly beginMs?: number;
}

/** A stretch of time. After `end` it takes nothing more. */
export interface Span {
  /** What other processes take as their parent: of this span, or of the nearest one that is written down. */
  readonly trace: TraceParent | null;
  /** `false`: nothing said here is kept, so costly attributes need not be made. */
  readonly isRecording: boolean;
  child(name: string, options?: SpanOptions): Span;
  /** `null` and `undefined` are left out. */
  set(attributes: Attributes): void;
  event(name: string, attributes?: Attributes): void;
  /** `error`: what it failed of. `endMs`: milliseconds since 1970; default now. */
  end(options?: { readonly error?: unknown; readonly endMs?: number }): void;
}

export interface Tracer {
  /** `parent`: of another process; `null` begins a trace. */
  startSpan(name: string, parent: TraceParent | null, options?: SpanOptions): Span;
  /** Sends what is left, for at most two seconds. */
  close(): Promise<void>;
}
