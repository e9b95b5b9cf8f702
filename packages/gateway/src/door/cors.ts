// Pages of other origins: refused by browsers unless their origin is listed here.
import type { IncomingMessage, ServerResponse } from "node:http";

/** Off by default. `*` lets pages of every origin in. */
export type CorsOrigins = readonly string[];

const allowedHeaders =
  "authorization, content-type, x-api-key, x-request-id, anthropic-version, anthropic-beta";

/** Sets the headers that let the page read the answer. */
export function allowOrigin(
  request: IncomingMessage,
  response: ServerResponse,
  origins: CorsOrigins,
): void {
  const { origin } = request.headers;
  if (origins.length === 0 || origin === undefined) return;
  response.setHeader("vary", "origin");
  if (!origins.includes("*") && !origins.includes(origin)) return;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", "x-request-id, retry-after");
}

/** Answers a browser's question before its request; `false`: it is not one. */
export function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  origins: CorsOrigins,
): boolean {
  const wanted = request.headers["access-control-request-method"];
  if (origins.length === 0 || request.method !== "OPTIONS" || wanted === undefined) return false;
  allowOrigin(request, response, origins);
  const asked = request.headers["access-control-request-headers"];
  response.writeHead(204, {
    "access-control-allow-methods": "GET, POST, PUT, OPTIONS",
    "access-control-allow-headers":
      typeof asked === "string" && /^[\w\-, ]{1,1000}$/.test(asked) ? asked : allowedHeaders,
    "access-control-max-age": "600",
    "content-length": "0",
  });
  response.end();
  return true;
}
