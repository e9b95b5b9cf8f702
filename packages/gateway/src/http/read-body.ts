// The body of a request, within its limit. What is refused unread is thrown away, and not for long.
import type { IncomingMessage } from "node:http";
import { CancelledError } from "@dyn/protocol";
import { bodyTooLarge, unsupportedMediaType } from "../errors/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";

const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;

/** Throws before reading when the content is not plain JSON or says that it is too large. */
export async function readJsonBody(exchange: Exchange, limitBytes: number): Promise<Buffer> {
  const { request } = exchange;
  const { "content-type": type } = request.headers;
  if (!jsonType.test(mediaTypeOf(request))) {
    throw unsupportedMediaType(
      `Expected request with Content-Type application/json${type === undefined ? ", but it has none" : ""}.`,
    );
  }
  checkDeclared(request, limitBytes);
  const parts: Buffer[] = [];
  await takeBody(request, limitBytes, (part) => parts.push(part));
  const turn = exchange.takeTurn();
  if (turn !== null) await turn;
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Without its parameters, in lower case; empty when there is none. */
export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

export function declaresTooMuch(request: IncomingMessage, limitBytes: number): boolean {
  return Number(request.headers["content-length"] ?? 0) > limitBytes;
}

/** What the headers say of a body that is not to be read. */
export function checkDeclared(request: IncomingMessage, limitBytes: number): void {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw unsupportedMediaType(
      "Send the body without Content-Encoding: compressed ones are not read.",
    );
  }
  if (declaresTooMuch(request, limitBytes)) throw bodyTooLarge(limitBytes);
}

/** Resolves behind the last byte. Throws DynError when there are more than the limit, CancelledError when the client leaves. */
export function takeBody(
  request: IncomingMessage,
  limitBytes: number,
  take: (part: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sizeBytes = 0;
    const settle = () => {
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    const onData = (part: Buffer) => {
      sizeBytes += part.length;
      if (sizeBytes <= limitBytes) {
        take(part);
        return;
      }
      settle();
      request.on("error", () => request.destroy());
      request.resume();
      reject(bodyTooLarge(limitBytes));
    };
    const onEnd = () => {
      settle();
      resolve();
    };
    const onClose = () => {
      settle();
      reject(new CancelledError("The client closed the connection before its body was complete."));
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}
