import type { Access } from "../door/door.ts";
import type { ErrorFormat } from "../errors/error-format.ts";
import { methodNotAllowed, routeMissing, unknownRoute } from "../errors/gateway-errors.ts";
import type { OperationDoc } from "../openapi/operation.ts";
import type { Exchange } from "./exchange.ts";

type RouteHandler = (exchange: Exchange) => Promise<void> | void;

export interface Route {
  readonly method: "GET" | "POST" | "PUT";
  /** An exact path, or a prefix that ends in `/*`. */
  readonly path: string;
  readonly handle: RouteHandler;
  /** Answers while the server drains too. */
  readonly whileDraining?: boolean;
  /** Who may use it. Default: clients. */
  readonly access?: Access;
  /** For the OpenAPI document. */
  readonly doc?: OperationDoc;
  /** Why it is not there now; `null` or absent: it is. */
  readonly missing?: () => string | null;
  /** How its clients read errors. Default: OpenAI's. */
  readonly errorFormat?: ErrorFormat;
}

/** A Map of exact paths, then the few prefixes. A trailing slash is another path. */
export class Router {
  readonly #exact = new Map<string, Route[]>();
  readonly #prefixes: { readonly prefix: string; readonly routes: Route[] }[] = [];

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  /**
   * Throws NotFoundError or a 405 whose message and Allow header name what the path takes.
   * Of a prefix route it leaves the rest of the path at the exchange.
   */
  find(exchange: Exchange): Route {
    const { method, path } = exchange;
    const routes = this.#routesOf(path);
    if (routes === undefined) throw unknownRoute(method, path);
    const wanted = method === "HEAD" ? "GET" : method;
    const route = routes.find((candidate) => candidate.method === wanted);
    if (route !== undefined) {
      const why = route.missing?.() ?? null;
      if (why !== null) throw routeMissing(method, path, why);
      if (route.path.endsWith("/*")) exchange.pathRest = path.slice(route.path.length - 1);
      return route;
    }
    const allow = routes
      .flatMap((candidate) => (candidate.method === "GET" ? ["GET", "HEAD"] : [candidate.method]))
      .join(", ");
    exchange.response.setHeader("allow", allow);
    throw methodNotAllowed(method, path, allow);
  }

  #add(route: Route): void {
    if (route.path.endsWith("/*")) {
      const prefix = route.path.slice(0, -1);
      const known = this.#prefixes.find((entry) => entry.prefix === prefix);
      if (known) known.routes.push(route);
      else this.#prefixes.push({ prefix, routes: [route] });
      return;
    }
    const known = this.#exact.get(route.path);
    if (known) known.push(route);
    else this.#exact.set(route.path, [route]);
  }

  #routesOf(path: string): readonly Route[] | undefined {
    return (
      this.#exact.get(path) ??
      this.#prefixes.find(({ prefix }) => path.length > prefix.length && path.startsWith(prefix))
        ?.routes
    );
  }
}
