// W3C trace context as it travels with a request: in at one edge, out at the next, never interpreted.

export interface TraceContext {
  /** `00-{32 hex}-{16 hex}-{2 hex}` */
  readonly traceparent: string;
  readonly tracestate?: string;
}

const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** What the standard asks everybody to pass on. */
const maxTracestateLength = 512;

/** `null` without a valid traceparent; a tracestate that is too long is left out. Header names in lower case. */
export function readTraceContext(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): TraceContext | null {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== "string" || !traceparentPattern.test(traceparent)) return null;
  const state = typeof tracestate === "string" ? tracestate : tracestate?.join(",");
  if (state === undefined || state === "" || state.length > maxTracestateLength) {
    return { traceparent };
  }
  return { traceparent, tracestate: state };
}
