// The HTTP room of the indexer: reads bodies within a limit, writes answers, counts both. JSON keeps 64-bit integers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { MetricsRegistry } from "@dyn/metrics";
import { DynError, UnavailableError } from "@dyn/protocol";
import { parseJson, stringifyJson } from "@dyn/runtime";
import type { KvIndexer } from "../engines/kv-indexer.ts";
import { createIndexerMetrics } from "./indexer-metrics.ts";
import { type Answer, createIndexerRoutes } from "./indexer-routes.ts";
import { IndexerPeers } from "./peers.ts";

export interface IndexerServerOptions {
  readonly indexer: KvIndexer;
  readonly metrics: MetricsRegistry;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly onProblem: (message: string, error: unknown) => void;
}

/** A prompt of a million tokens, as text. */
const maxBodyBytes = 16 * 2 ** 20;
const requestTimeoutMs = 30_000;
const maxConnections = 1024;

export class IndexerServer {
  readonly port: number;
  readonly peers: IndexerPeers;
  readonly #server: Server;

  private constructor(server: Server, peers: IndexerPeers) {
    this.#server = server;
    this.peers = peers;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Resolves when it listens; throws UnavailableError when it cannot. */
  static async listen(options: IndexerServerOptions): Promise<IndexerServer> {
    const { indexer, metrics, host, port, onProblem } = options;
    const peers = new IndexerPeers(indexer);
    const routes = createIndexerRoutes(indexer, peers, onProblem);
    const counts = createIndexerMetrics(metrics, indexer);
    const server = createServer({ requestTimeout: requestTimeoutMs }, async (request, response) => {
      const startMs = performance.now();
      const route = `${request.method} ${(request.url ?? "/").replace(/\?.*$/s, "")}`;
      if (route === "GET /metrics") {
        const { contentType, body } = await metrics.render();
        send(response, 200, contentType, body);
        return;
      }
      const handle = routes[route];
      const answer =
        handle === undefined ? unknownRoute : await answerOf(request, handle, onProblem);
      const { status, body } = answer;
      // What could not be read is answered as a text, by the reference too.
      if (typeof body === "string") send(response, status, "text/plain; charset=utf-8", body);
      else send(response, status, "application/json", body === null ? "" : stringifyJson(body));
      if (handle !== undefined)
        counts.answered(route, status, (performance.now() - startMs) / 1000);
    });
    server.maxConnections = maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new UnavailableError(
            `The indexer cannot listen on ${host}:${port}: ${cause.message}. Give --port another one, or 0 for any free one.`,
            { code: "DYN_INDEXER_CANNOT_LISTEN", cause },
          ),
        ),
      );
      server.listen(port, host, resolve);
    });
    return new IndexerServer(server, peers);
  }

  /** Now: what is being answered is cut off. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Resolves when it listens; throws UnavailableError when it cannot. */
export function createIndexerServer(options: IndexerServerOptions): Promise<IndexerServer> {
  return IndexerServer.listen(options);
}

const unknownRoute: Answer = { status: 404, body: null };

async function answerOf(
  request: IncomingMessage,
  handle: (body: unknown) => Answer | Promise<Answer>,
  onProblem: IndexerServerOptions["onProblem"],
): Promise<Answer> {
  try {
    return await handle(request.method === "POST" ? await readBody(request) : null);
  } catch (error) {
    if (!DynError.is(error) || error.status >= 500) {
      onProblem(`${request.method} ${request.url} failed.`, error);
      return { status: 500, body: { error: "Internal error" } };
    }
    const { status, message } = error;
    return { status, body: [413, 422].includes(status) ? message : { error: message } };
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > maxBodyBytes) {
      throw new DynError(`The body has more than ${maxBodyBytes} bytes.`, {
        code: "DYN_INDEXER_BODY_TOO_LARGE",
        status: 413,
      });
    }
    parts.push(part);
  }
  try {
    return parseJson(Buffer.concat(parts, sizeBytes).toString("utf8"));
  } catch (cause) {
    throw new DynError(`The body is no JSON: ${(cause as Error).message}`, {
      code: "DYN_INDEXER_BODY",
      status: 422,
      cause,
    });
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    ...(bytes.length === 0 ? {} : { "content-type": contentType }),
    "content-length": bytes.length,
  });
  response.end(bytes);
}
