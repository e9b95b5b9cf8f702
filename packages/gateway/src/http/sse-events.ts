import { errorToBody } from "../errors/error-to-body.ts";

export const doneEvent = "data: [DONE]\n\n";

/** Says nothing; keeps proxies from closing a silent stream. */
export const commentFrame = ":\n\n";

/** The same for Anthropic's clients. */
export const pingEvent = 'event: ping\ndata: {"type":"ping"}\n\n';

/** An error after the status line is decided; the stream ends with it. */
export function errorEvent(error: unknown): string {
  return `data: ${JSON.stringify({ error: errorToBody(error).error })}\n\n`;
}
