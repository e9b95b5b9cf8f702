// The map of layers: imports only go down. docs/design/architecture.md explains it.

/** Rank of every package; an import may only reach a lower rank, or a sibling named in `sameLayer`. */
export const ranks: Readonly<Record<string, number>> = {
  protocol: 0,
  args: 0,
  tokenizer: 1,
  parsers: 1,
  grammar: 1,
  "model-files": 1,
  logging: 1,
  metrics: 1,
  weights: 1,
  tracing: 1,
  "tiny-models": 1,
  health: 1,
  "kv-events": 1,
  runtime: 2,
  router: 3,
  "kv-relay": 3,
  "kv-indexer": 3,
  engine: 3,
  "engine-onnx": 3,
  disagg: 3,
  gateway: 4,
  handlers: 4,
  worker: 5,
  frontend: 5,
  "router-service": 5,
  "indexer-service": 5,
  launch: 5,
};

/** Imports inside one layer that are meant. */
export const sameLayer: readonly (readonly [from: string, to: string])[] = [
  ["args", "protocol"],
  ["grammar", "tokenizer"],
  ["engine-onnx", "engine"],
  ["disagg", "engine"],
  ["launch", "worker"],
  ["launch", "frontend"],
];

/** Private packages beside the layers: they may import anything, nothing published imports them. */
export const aside: ReadonlySet<string> = new Set(["testing", "e2e"]);

/** Each heavy library stands in exactly one package, koffi in the two that reach below JavaScript. */
export const owners: Readonly<Record<string, string | readonly string[]>> = {
  yaml: "args",
  pino: "logging",
  "pino-pretty": "logging",
  "prom-client": "metrics",
  "@opentelemetry/api": "tracing",
  "@opentelemetry/sdk-trace-base": "tracing",
  etcd3: "runtime",
  "@nats-io/transport-node": "runtime",
  "onnxruntime-node": "engine-onnx",
  koffi: ["disagg", "engine-onnx"],
  "@huggingface/tokenizers": "tokenizer",
  "@huggingface/jinja": "tokenizer",
};

export interface PackageImports {
  /** Without the scope: `engine-onnx`. */
  readonly name: string;
  readonly dependencies: readonly string[];
  /** Bare specifiers by source file, package names only. */
  readonly imports: readonly { readonly file: string; readonly specifier: string }[];
}

/** One sentence per broken rule; empty when all hold. */
export function checkLayers(packages: readonly PackageImports[]): string[] {
  const faults: string[] = [];
  for (const { name, dependencies, imports } of packages) {
    if (aside.has(name)) continue;
    const rank = ranks[name];
    if (rank === undefined) {
      faults.push(`@dyn/${name} has no layer: add it to packages/testing/src/layers/layers.ts.`);
      continue;
    }
    for (const { file, specifier } of imports) {
      const fault = faultOfImport(name, rank, specifier);
      if (fault) faults.push(`${file}: ${fault}`);
      if (!dependencies.includes(specifier) && specifier !== `@dyn/${name}`) {
        faults.push(`${file}: imports ${specifier}, which @dyn/${name} does not depend on.`);
      }
    }
    for (const dependency of dependencies) {
      const fault = faultOfImport(name, rank, dependency);
      if (fault) faults.push(`@dyn/${name}/package.json: ${fault}`);
    }
  }
  return faults;
}

function faultOfImport(name: string, rank: number, specifier: string): string | null {
  const owner = [owners[specifier] ?? name].flat();
  if (!owner.includes(name)) {
    return `${specifier} belongs to @dyn/${owner.join(" and @dyn/")} alone; use what that package offers.`;
  }
  if (!specifier.startsWith("@dyn/")) return null;
  const target = specifier.slice("@dyn/".length);
  if (target === name) return null;
  if (aside.has(target)) return `@dyn/${target} is private and for tests only.`;
  const targetRank = ranks[target];
  if (targetRank === undefined) return `${specifier} has no layer.`;
  if (targetRank < rank) return null;
  if (sameLayer.some(([from, to]) => from === name && to === target)) return null;
  return `imports ${targetRank > rank ? "up" : "sideways"} to ${specifier} (layer ${targetRank} from ${rank}).`;
}
