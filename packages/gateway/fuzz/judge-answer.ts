// What is wrong with an answer to any body at all; `null`: nothing.

export interface FuzzAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export function judgeAnswer({ status, contentType, text }: FuzzAnswer): string | null {
  if (/\n\s+at \S+ \(?(file|node|\/)/.test(text)) return "a stack trace left the server";
  // 501 names a field that is refused on purpose: functions, function_call, prompt of a response.
  if (status === 501 && text.includes('"code":"unsupported_value"')) return null;
  if (status >= 500) return `status ${status}`;
  if (contentType.startsWith("text/event-stream")) return judgeStream(text);
  if (contentType.startsWith("multipart/x-mixed-replace")) {
    return text.endsWith("--frame--\r\n") ? null : "frames without an end";
  }
  try {
    const { error } = JSON.parse(text) as { error?: string | { message?: unknown } };
    if (status < 400) return null;
    // A failed video and a threshold that is none have a text alone.
    const message = typeof error === "string" ? error : error?.message;
    return typeof message === "string" ? null : "an error without a message";
  } catch {
    return "an answer that is no JSON";
  }
}

function judgeStream(text: string): string | null {
  const events = text.split("\n\n").filter((event) => event !== "");
  for (const event of events) {
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (data === undefined || data === "[DONE]") continue;
    let body: { error?: { code?: unknown; type?: unknown } };
    try {
      body = JSON.parse(data);
    } catch {
      return "an event whose data is no JSON";
    }
    const code = body.error?.code;
    if (typeof code === "number" && code >= 500) return `an event of status ${code}`;
    if (body.error?.type === "api_error") return "an api_error event";
  }
  const last = events.at(-1) ?? "";
  const isEnded =
    last === "data: [DONE]" || /message_stop|response\.(completed|incomplete)|error/.test(last);
  return isEnded ? null : "a stream without an end";
}
