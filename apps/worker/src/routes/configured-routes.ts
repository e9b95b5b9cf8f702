// `--engine-route <path>[=<method>][:engine|tm]`: further paths to what the engine can be told. The grammar is the
// reference's; both targets are the one engine here.
import { ArgsError } from "@dyn/args";
import type { EngineRoute } from "@dyn/health";
import { engineRouteNames } from "./engine-route-names.ts";
import { taintPath } from "./taint-route.ts";

const segment = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const identifier = /^[A-Za-z][A-Za-z0-9_]*$/;
const targets = ["engine", "tm"];
/** They may be replaced; what stands elsewhere in the reference may not. */
const lifecycle: ReadonlySet<string> = new Set([
  "pause_generation",
  "continue_generation",
  "release_memory_occupation",
  "resume_memory_occupation",
]);

/** Throws an ArgsError for a route that cannot be. */
export function checkRoutes(options: readonly string[]): void {
  const routes = engineRouteNames.flatMap((name) => [name, `control/${name}`]);
  configuredRoutes(options, new Map(routes.map((path) => [path, () => null])));
}

/** By path below /engine/. `methods`: what can be told, by name. Throws an ArgsError for a route that cannot be. */
export function configuredRoutes(
  options: readonly string[],
  methods: ReadonlyMap<string, EngineRoute>,
): ReadonlyMap<string, EngineRoute> {
  const routes = new Map<string, EngineRoute>();
  for (const option of options) {
    const { path, method } = parseRoute(option);
    if (routes.has(path)) throw refuse(option, `${path} is given twice`);
    if (path === taintPath || (path.startsWith("control/") && methods.has(path))) {
      throw refuse(option, `${path} is a route already`);
    }
    const route = methods.get(method);
    if (route === undefined || !identifier.test(method)) {
      const known = [...methods.keys()].filter((name) => !name.includes("/"));
      throw refuse(option, `the engine has no method ${method}; it has ${known.join(", ")}`);
    }
    const needsObject = lifecycle.has(path) ? route : onObjects(route);
    routes.set(path, needsObject);
  }
  return routes;
}

function parseRoute(option: string): { path: string; method: string } {
  const [spec = "", target = "engine", ...moreTargets] = option.split(":");
  const [path = "", method = path, ...moreMethods] = spec.split("=");
  if (path === "") throw refuse(option, "it has no path");
  if (moreTargets.length > 0 || moreMethods.length > 0) {
    throw refuse(option, "it has more than one : or =");
  }
  if (!targets.includes(target)) throw refuse(option, `the target ${target} is not engine or tm`);
  if (!path.split("/").every((part) => segment.test(part))) {
    throw refuse(
      option,
      "each part of its path must begin with a letter or digit and go on with letters, digits, ., _ or -",
    );
  }
  return { path, method };
}

function onObjects(route: EngineRoute): EngineRoute {
  return (body) => {
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return route(body);
    throw new TypeError("The body must be a JSON object.");
  };
}

function refuse(option: string, why: string): ArgsError {
  return new ArgsError(
    "INVALID_VALUE",
    `--engine-route cannot be ${JSON.stringify(option)}: ${why}. Give <path>[=<method>][:engine|tm].`,
    { flag: "--engine-route" },
  );
}
