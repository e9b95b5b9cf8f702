// Routes elsewhere than at their usual paths, for those who serve behind somebody else's.
import { InvalidArgumentError } from "@dyn/protocol";
import type { Route } from "../http/router.ts";

const usualPaths = {
  chat: "/v1/chat/completions",
  completions: "/v1/completions",
  embeddings: "/v1/embeddings",
  responses: "/v1/responses",
  models: "/v1/models",
  anthropic: "/v1/messages",
  health: "/health",
  live: "/live",
  metrics: "/metrics",
  classify: "/v1/classify",
  pooling: "/v1/pooling",
  rerank: "/v1/rerank",
  sglangGenerate: "/generate",
  vllmGenerate: "/inference/v1/generate",
} as const;

export type MovableRoute = keyof typeof usualPaths;

/** New paths by route; what stands below a usual path moves with it. */
export type RoutePaths = Readonly<Partial<Record<MovableRoute, string>>>;

const pathPattern = /^(\/[\w.~-]+)+$/;

/** Throws InvalidArgumentError when a path is none, or two routes come to stand at one. */
export function moveRoutes(routes: readonly Route[], paths: RoutePaths): Route[] {
  const moves = Object.entries(paths).map(([name, to]) => {
    if (pathPattern.test(to)) return { name, from: usualPaths[name as MovableRoute], to };
    throw new InvalidArgumentError(
      `The path of the route ${name} is ${JSON.stringify(to)}; it must be like /api/chat: a slash before each part, none at the end.`,
      { code: "DYN_GATEWAY_ROUTE_PATH" },
    );
  });
  const moved = routes.map((route) => {
    const move = moves.find(({ from }) => route.path === from || route.path.startsWith(`${from}/`));
    return move === undefined
      ? route
      : { ...route, path: move.to + route.path.slice(move.from.length) };
  });
  const taken = new Set<string>();
  for (const { method, path } of moved) {
    const place = `${method} ${path}`;
    if (taken.has(place)) {
      throw new InvalidArgumentError(
        `Two routes would stand at ${place}. Give one of them another path.`,
        { code: "DYN_GATEWAY_ROUTE_PATH" },
      );
    }
    taken.add(place);
  }
  return moved;
}
