// Prefill and decode workers in this process, and the client that joins them.
import { createMockEngine, type Engine, type MockEngineOptions } from "@dyn/engine";
import { createDecodeHandler, createPrefillHandler } from "@dyn/handlers";
import type { EngineOutputItem, HandOverTerms, PreprocessedRequest } from "@dyn/protocol";
import {
  type ConditionalSettings,
  createDisaggregatedClient,
  createKvRoutedClient,
  createKvRouter,
  type DisaggregatedClient,
  HandOverPairs,
  type KvRouter,
  type MismatchedPair,
  type PrefillFailure,
  PrefillPool,
  type TokenClient,
  WorkerDirectory,
} from "@dyn/router";
import {
  createMemHub,
  DistributedRuntime,
  parseEndpointId,
  type RequestHandler,
} from "@dyn/runtime";
import { MeetingPlace } from "./meeting-engines.ts";

const addresses = {
  prefill: "dyn://dyn.prefill.generate",
  decode: "dyn://dyn.backend.generate",
} as const;
export const blockSize = 4;

export interface Sent {
  readonly role: "prefill" | "decode";
  readonly workerId: bigint;
  readonly requestId: string;
  readonly request: PreprocessedRequest;
}

export interface SplitOptions {
  readonly prefillCount?: number;
  readonly decodeCount?: number;
  readonly engine?: MockEngineOptions;
  /** Prefill workers' cards do not say where they can be met. */
  readonly isSilent?: boolean;
  readonly prefillTimeoutMs?: number;
  readonly prefillsItself?: boolean;
  readonly dpSize?: number;
  readonly conditional?: ConditionalSettings;
  readonly mode?: "kv" | "round-robin";
  /** Of the clients' pauses after failures; default: there are none. */
  readonly now?: () => number;
  /** What cards say of their KV; default: nothing. */
  readonly terms?: (role: "prefill" | "decode", index: number) => HandOverTerms;
  /** Instead of the prefill handler. */
  readonly prefillHandler?: RequestHandler<unknown, EngineOutputItem>;
  /** Instead of the decode handler. */
  readonly decodeHandler?: RequestHandler<unknown, EngineOutputItem>;
}

export interface SplitDeployment {
  readonly client: DisaggregatedClient;
  readonly place: MeetingPlace;
  readonly engines: readonly Engine[];
  readonly sent: Sent[];
  readonly failures: PrefillFailure[];
  readonly mismatches: MismatchedPair[];
  /** Seconds of each hand-over. */
  readonly handOvers: number[];
  readonly routers: readonly KvRouter[];
  /** Throws what they throw before anything is computed; by instance. */
  readonly faults: Map<bigint, () => Error>;
  removePool(): void;
  close(): Promise<void>;
}

export async function startSplitDeployment(options: SplitOptions = {}): Promise<SplitDeployment> {
  const { prefillCount = 1, decodeCount = 1, mode = "round-robin", dpSize = 1 } = options;
  const hub = createMemHub();
  const place = new MeetingPlace();
  const engines: Engine[] = [];
  const runtimes: DistributedRuntime[] = [];
  const sent: Sent[] = [];
  const faults = new Map<bigint, () => Error>();
  const serve = async (role: Sent["role"], index: number) => {
    const inner = createMockEngine({ vocabSize: 1000, pageSize: blockSize, ...options.engine });
    engines.push(inner);
    const workerId = BigInt(role === "prefill" ? 101 + index : 201 + index);
    const runtime = new DistributedRuntime(hub.createPlanes({ instanceId: workerId }));
    runtimes.push(runtime);
    const port = 9_000 + index;
    const handler =
      role === "prefill"
        ? (options.prefillHandler ??
          createPrefillHandler({ engine: place.prefillEngine(inner, port) }))
        : (options.decodeHandler ?? createDecodeHandler({ engine: place.decodeEngine(inner) }));
    const served = await runtime
      .endpoint(addresses[role])
      .serve<PreprocessedRequest, EngineOutputItem>(async function* (request, context) {
        sent.push({ role, workerId, requestId: context.id, request });
        const fault = faults.get(workerId);
        if (fault !== undefined) throw fault();
        yield* handler(request, context);
      });
    await served.registerModel({
      displayName: "m",
      sourcePath: "",
      modelTypes: role === "prefill" ? [] : ["chat"],
      modelInput: "tokens",
      contextLength: 4096,
      kvCacheBlockSize: blockSize,
      endpoint: addresses[role],
      created: 0,
      workerType: role,
      runtimeConfig: {
        dataParallelSize: dpSize,
        maxNumBatchedTokens: 100,
        totalKvBlocks: 1000,
        ...(role === "prefill" && options.isSilent !== true
          ? { disaggregatedEndpoint: { bootstrapHost: "127.0.0.1", bootstrapPort: port } }
          : {}),
        ...(options.terms === undefined ? {} : { handOver: options.terms(role, index) }),
      },
    });
  };
  for (let i = 0; i < prefillCount; i++) await serve("prefill", i);
  for (let i = 0; i < decodeCount; i++) await serve("decode", i);
  const caller = new DistributedRuntime(hub.createPlanes());
  runtimes.push(caller);
  const routers: KvRouter[] = [];
  const connect = async (role: Sent["role"], count: number): Promise<TokenClient> => {
    const client = caller
      .endpoint(addresses[role])
      .createClient<PreprocessedRequest, EngineOutputItem>(
        options.now === undefined ? { inhibitMs: 0 } : { now: options.now },
      );
    await client.waitForInstances({ count, signal: AbortSignal.timeout(30_000) });
    if (mode !== "kv") return client;
    const router = createKvRouter({
      planes: caller.planes,
      endpoint: parseEndpointId(addresses[role]),
      model: "m",
      blockSize,
      settings: { useKvEvents: false },
    });
    routers.push(router);
    return createKvRoutedClient({ client, router });
  };
  const decode = await connect("decode", decodeCount);
  const prefill = await connect("prefill", prefillCount);
  const follow = async (role: Sent["role"], count: number) => {
    const workers = new WorkerDirectory({
      discovery: caller.planes.discovery,
      endpoint: parseEndpointId(addresses[role]),
      onLeft: () => {},
      onProblem: (message, error) => {
        throw new Error(message, { cause: error });
      },
    });
    while (workers.workerIds.length < count) await new Promise((next) => setImmediate(next));
    return workers;
  };
  const workers = await follow("prefill", prefillCount);
  const mismatches: MismatchedPair[] = [];
  const handOvers: number[] = [];
  const pairs = new HandOverPairs(await follow("decode", decodeCount), (pair) =>
    mismatches.push(pair),
  );
  const pool = new PrefillPool({
    client: prefill,
    router: routers[1] ?? null,
    workers,
    timeoutMs: options.prefillTimeoutMs ?? null,
  });
  let hasPool = prefillCount > 0;
  const failures: PrefillFailure[] = [];
  const client = createDisaggregatedClient({
    decode,
    router: routers[0] ?? null,
    pool: () => (hasPool ? pool : null),
    pairs,
    onHandedOver: (seconds) => handOvers.push(seconds),
    model: "m",
    prefillsItself: options.prefillsItself ?? true,
    conditional: options.conditional ?? null,
    onPrefillFailed: (failure) => failures.push(failure),
  });
  return {
    client,
    place,
    engines,
    sent,
    failures,
    mismatches,
    handOvers,
    routers,
    faults,
    removePool: () => {
      hasPool = false;
    },
    close: async () => {
      await pool.retire();
      await client.close();
      for (const runtime of runtimes) await runtime.close();
      for (const engine of engines) await engine.close();
    },
  };
}

export const splitRequest = (more: Partial<PreprocessedRequest> = {}): PreprocessedRequest => ({
  model: "m",
  token_ids: Array.from({ length: 21 }, (_, i) => i + 1),
  stop_conditions: { max_tokens: 6, ignore_eos: true },
  sampling_options: { temperature: 0 },
  output_options: {},
  eos_token_ids: [],
  annotations: [],
  ...more,
});
