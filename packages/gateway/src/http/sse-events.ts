import { errorToBody } from "../errors/error-to-body.ts";

export const doneEvent = "data: [DONE]\n\n";

/** An error after the status line is decided; the stream ends with it. */
export function errorEvent(error: unknown): string {
  return `data: ${JSON.stringify({ error: errorToBody(error).error })}\n\n`;
}
