// node:http, and what stands between a socket and a route: limits, time-outs, errors, drain.
// It knows no route's meaning.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { DynError } from "@dyn/protocol";
import { traceIds } from "@dyn/tracing";
import { allowOrigin, answerPreflight, type CorsOrigins } from "../door/cors.ts";
import type { Door } from "../door/door.ts";
import { cannotListen, draining } from "../errors/gateway-errors.ts";
import type { GatewayLimits } from "../limits.ts";
import type { GatewayLogger } from "../logger.ts";
import { answerClientError } from "./client-error.ts";
import { EventLoopTurns } from "./event-loop-turns.ts";
import { Exchange } from "./exchange.ts";
import { declaresTooMuch } from "./read-body.ts";
import type { Router } from "./router.ts";
import { sendError } from "./send-json.ts";

/** PEM texts. */
export interface HttpTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
}

/** How long a client may go on sending a body that was refused. */
const lingerMs = 5_000;

export class HttpServer {
  readonly #server: Server;
  readonly #router: Router;
  readonly #limits: GatewayLimits;
  readonly #door: Door;
  readonly #corsOrigins: CorsOrigins;
  readonly #logger: GatewayLogger;
  readonly #turns = new EventLoopTurns();
  readonly #exchanges = new Set<Exchange>();
  readonly #idleWaiters = new Set<() => void>();
  readonly #responses = new WeakMap<Duplex, ServerResponse>();
  #draining = false;

  constructor(options: {
    readonly router: Router;
    readonly limits: GatewayLimits;
    readonly logger: GatewayLogger;
    readonly door: Door;
    readonly corsOrigins?: CorsOrigins;
    /** Serves HTTPS; with `ca` clients must show a certificate signed by it. */
    readonly tls?: HttpTls | null;
  }) {
    const { limits } = options;
    this.#door = options.door;
    this.#corsOrigins = options.corsOrigins ?? [];
    this.#router = options.router;
    this.#limits = limits;
    this.#logger = options.logger;
    const settings = {
      maxHeaderSize: limits.headerSizeBytes,
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.bodyTimeoutMs),
      requestTimeout: limits.bodyTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      noDelay: true,
    };
    const { tls } = options;
    this.#server =
      tls == null
        ? createServer(settings)
        : createSecureServer({
            ...settings,
            cert: tls.cert,
            key: tls.key,
            ...(tls.ca === null ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: true }),
          });
    this.#server.on("connection", () => this.#turns.noteConnection());
    this.#server.on("request", (request, response) => void this.#serve(request, response));
    this.#server.on("checkContinue", (request, response) => {
      // A body that will be refused is not asked for.
      if (!declaresTooMuch(request, limits.bodySizeBytes)) response.writeContinue();
      void this.#serve(request, response);
    });
    this.#server.on("clientError", (error, socket) => {
      const last = this.#responses.get(socket);
      // In the middle of an answer there is no place for another; behind one that is over there is.
      if (last?.headersSent && !last.writableFinished) socket.destroy();
      else answerClientError(error, socket);
    });
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** Throws a DynError when the address cannot be had. */
  async listen(options: { readonly host: string; readonly port: number }): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error) => reject(cannotListen(options, error));
      this.#server.once("error", refuse);
      this.#server.listen(options.port, options.host, () => {
        this.#server.off("error", refuse);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Instead of `listen`: gives what takes connections that another process has accepted. */
  open(): (socket: Socket) => void {
    // node:http begins its time-outs for slow clients with this event.
    this.#server.emit("listening");
    return (socket) => {
      socket.setNoDelay(true);
      this.#server.emit("connection", socket);
      socket.resume();
    };
  }

  /** New requests are refused from now on; resolves when none runs, or `false` when time is over. */
  async drain(options: { readonly timeoutMs: number }): Promise<boolean> {
    this.#draining = true;
    // A client must not send its next request into a connection that is about to go.
    this.#server.closeIdleConnections();
    for (const { response } of this.#exchanges) closeAfter(response);
    if (this.#exchanges.size === 0) return true;
    return await new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#idleWaiters.delete(done);
        resolve(this.#exchanges.size === 0);
      };
      const timer = setTimeout(done, options.timeoutMs);
      this.#idleWaiters.add(done);
    });
  }

  /** Now: running requests are aborted and all connections closed. */
  async close(): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const exchange of this.#exchanges) exchange.abort("The server was closed.");
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(request, response, {
      path: pathOf(request),
      turns: this.#turns,
    });
    this.#responses.set(request.socket, response);
    if (answerPreflight(request, response, this.#corsOrigins)) return;
    allowOrigin(request, response, this.#corsOrigins);
    this.#exchanges.add(exchange);
    const { requestTimeoutMs } = this.#limits;
    const deadline =
      requestTimeoutMs === null
        ? null
        : setTimeout(() => exchange.expire(requestTimeoutMs), requestTimeoutMs);
    let release = () => {};
    try {
      const route = this.#router.find(exchange);
      if (route.errorFormat !== undefined) exchange.errorFormat = route.errorFormat;
      if (this.#draining) closeAfter(response);
      if (this.#draining && !route.whileDraining) throw draining();
      const admitted = this.#door.admit(request, route.access ?? "client");
      const admission = admitted instanceof Promise ? await admitted : admitted;
      release = admission.release;
      exchange.tenant = admission.tenant;
      await route.handle(exchange);
    } catch (error) {
      this.#answerError(exchange, error);
    } finally {
      release();
      if (deadline !== null) clearTimeout(deadline);
      this.#exchanges.delete(exchange);
      if (this.#exchanges.size === 0) for (const done of this.#idleWaiters) done();
    }
  }

  #answerError(exchange: Exchange, error: unknown): void {
    const { request, response, requestId } = exchange;
    if (!DynError.is(error) || error.status === 500) {
      this.#logger.error("A request failed.", {
        requestId,
        ...traceIds(exchange.trace),
        path: exchange.path,
        error: trace(error),
      });
    }
    if (response.closed || response.destroyed) return;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (!request.complete) this.#boundRest(request);
    sendError(response, error, exchange.errorFormat);
  }

  /** The rest of a refused body is discarded, so that the client gets to read the answer; not for ever. */
  #boundRest(request: IncomingMessage): void {
    const timer = setTimeout(
      () => request.destroy(),
      Math.min(lingerMs, this.#limits.bodyTimeoutMs),
    );
    timer.unref();
    request.once("close", () => clearTimeout(timer));
    request.resume();
  }
}

function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? "/").split("?", 1)[0]!;
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // Not decodable: no route has such a name, and the 404 shows it as it came.
    return path;
  }
}

function trace(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
