// The worker's own HTTP server: for probes, collectors and frontends, never for clients of a model.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { UnavailableError } from "@dyn/protocol";
import { type CardFileGroup, CardFileRoute } from "./card-file-route.ts";
import type { EngineRoutes } from "./engine-routes.ts";
import type { HealthReport } from "./health-state.ts";

export interface SystemServerOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Default /health. */
  readonly healthPath?: string;
  /** Default /live. */
  readonly livePath?: string;
  /** Asked with every request of the health path: 200 when ready, else 503. */
  readonly health: () => HealthReport;
  /** The same for the live path: 503 asks for a new process. Default: as `health`. */
  readonly live?: () => HealthReport;
  /** The page of /metrics. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** The JSON of /metadata; `null` = there is none (404). */
  readonly metadata?: () => string | null;
  /** Serves what stands below /engine. Default: nothing does. */
  readonly engineRoutes?: EngineRoutes;
  /** A request that failed here. */
  readonly onProblem?: (message: string, error: unknown) => void;
}

/** Slow or idle connections do not stay: nobody here has much to say. */
const headersTimeoutMs = 10_000;
const maxConnections = 256;

export class SystemServer {
  readonly port: number;
  readonly #server: Server;
  readonly #files: CardFileRoute;

  private constructor(server: Server, files: CardFileRoute) {
    this.#server = server;
    this.#files = files;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Resolves when it listens; throws UnavailableError when it cannot. */
  static async listen(options: SystemServerOptions): Promise<SystemServer> {
    const files = new CardFileRoute();
    const answer = createAnswer(options, files);
    const server = createServer({ headersTimeout: headersTimeoutMs }, (request, response) => {
      answer(request, response).catch((error) => {
        options.onProblem?.(`${request.method} ${request.url} failed.`, error);
        if (response.headersSent) response.destroy();
        else sendJson(response, 500, { error: "Internal error" });
      });
    });
    server.maxConnections = maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new UnavailableError(
            `The system server cannot listen on ${options.host}:${options.port}: ${cause.message}. Give DYN_SYSTEM_PORT another port, or 0 for any free one.`,
            { code: "DYN_HEALTH_CANNOT_LISTEN", cause },
          ),
        ),
      );
      server.listen(options.port, options.host, resolve);
    });
    return new SystemServer(server, files);
  }

  /** Files that are served below /v1/metadata from now on. */
  addCardFiles(group: CardFileGroup): void {
    this.#files.add(group);
  }

  /** Now: what is being answered is cut off. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Takes the address of the options; `port` says which it became. */
export function createSystemServer(options: SystemServerOptions): Promise<SystemServer> {
  return SystemServer.listen(options);
}

function createAnswer(options: SystemServerOptions, files: CardFileRoute) {
  const { healthPath = "/health", livePath = "/live" } = options;
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET" } = request;
    const path = (request.url ?? "/").replace(/\?.*$/s, "");
    const told = (await options.engineRoutes?.answer(path, request)) ?? null;
    if (told !== null) {
      sendJson(response, told.status, told.body);
      return;
    }
    if (method !== "GET" && method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      sendJson(response, 405, { error: "Method not allowed" });
    } else if (path === healthPath || path === livePath) {
      const ask = path === healthPath ? options.health : (options.live ?? options.health);
      const report = ask();
      sendJson(response, report.status === "ready" ? 200 : 503, report);
    } else if (path === "/metrics") {
      const { contentType, body } = await options.metrics();
      send(response, 200, contentType, body);
    } else if (path === "/metadata") {
      const metadata = options.metadata?.() ?? null;
      if (metadata === null) sendJson(response, 404, { error: "Metadata not available" });
      else send(response, 200, "application/json", metadata);
    } else if (!(await files.answer(path, method, response))) {
      send(response, 404, "text/plain; charset=utf-8", "Route not found");
    }
  };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, "application/json", JSON.stringify(body));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { "content-type": contentType, "content-length": bytes.length });
  response.end(bytes);
}
