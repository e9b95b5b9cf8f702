// The body of a request, within its limit. What is refused unread is thrown away, and not for long.
import type { IncomingMessage } from "node:http";
import { CancelledError } from "@dyn/protocol";
import { bodyTooLarge, unsupportedMediaType } from "../errors/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";

const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;

/** Throws before reading when the content is not plain JSON or says that it is too large. */
export async function readJsonBody(exchange: Exchange, limitBytes: number): Promise<Buffer> {
  const { request } = exchange;
  const { "content-type": type, "content-encoding": encoding } = request.headers;
  if (!jsonType.test((type ?? "").split(";", 1)[0]!.trim())) {
    throw unsupportedMediaType(
      `Expected request with Content-Type application/json${type === undefined ? ", but it has none" : ""}.`,
    );
  }
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw unsupportedMediaType(
      "Send the body without Content-Encoding: compressed ones are not read.",
    );
  }
  if (declaresTooMuch(request, limitBytes)) throw bodyTooLarge(limitBytes);
  return await collect(request, limitBytes);
}

export function declaresTooMuch(request: IncomingMessage, limitBytes: number): boolean {
  return Number(request.headers["content-length"] ?? 0) > limitBytes;
}

function collect(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let sizeBytes = 0;
    const settle = () => {
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    const onData = (part: Buffer) => {
      sizeBytes += part.length;
      if (sizeBytes > limitBytes) {
        settle();
        request.on("error", () => request.destroy());
        request.resume();
        reject(bodyTooLarge(limitBytes));
        return;
      }
      parts.push(part);
    };
    const onEnd = () => {
      settle();
      resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts, sizeBytes));
    };
    const onClose = () => {
      settle();
      reject(new CancelledError("The client closed the connection before its body was complete."));
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}
