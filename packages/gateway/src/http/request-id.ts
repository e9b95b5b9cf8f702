import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

const printable = /^[\x21-\x7e]{1,256}$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What the client sent as x-request-id when it can be a header of ours too, else a new UUID. */
export function requestIdOf(request: IncomingMessage): string {
  const sent = request.headers["x-request-id"];
  return typeof sent === "string" && printable.test(sent) ? sent : randomUUID();
}

/** The UUID in `chatcmpl-{id}`: the client may choose it by x-dynamo-request-id (Dynamo 1.6.1). */
export function objectIdOf(request: IncomingMessage): string {
  const sent = request.headers["x-dynamo-request-id"];
  return typeof sent === "string" && uuid.test(sent) ? sent.toLowerCase() : randomUUID();
}
