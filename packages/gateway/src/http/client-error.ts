// Requests that node's parser refused: there is no response object, so the answer is written by hand.
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { DynError } from "@dyn/protocol";
import { errorToBody } from "../errors/error-to-body.ts";

/** Answers if it still can, and closes the connection. */
export function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const refusal = toRefusal(error.code);
  const body = JSON.stringify(errorToBody(refusal));
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

function toRefusal(code: string | undefined): DynError {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new DynError(
        "The request did not arrive in time. Send headers and body without pauses.",
        {
          code: "DYN_GATEWAY_REQUEST_TIMEOUT",
          status: 408,
        },
      );
    case "HPE_HEADER_OVERFLOW":
      return new DynError("The request's headers are too large. Send fewer or shorter ones.", {
        code: "DYN_GATEWAY_HEADERS_TOO_LARGE",
        status: 431,
      });
    default:
      return new DynError("The request is not valid HTTP/1.1.", {
        code: "DYN_GATEWAY_INVALID_HTTP",
        status: 400,
      });
  }
}
