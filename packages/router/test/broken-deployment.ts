// Workers in this process whose streams break where a test says.
import type { Engine } from "@dyn/engine";
import { createDecodeHandler } from "@dyn/handlers";
import {
  DynError,
  type EngineOutputItem,
  type PreprocessedRequest,
  UnavailableError,
} from "@dyn/protocol";
import { createMemHub, DistributedRuntime, type EndpointClient } from "@dyn/runtime";

const address = "dyn://dyn.backend.generate";

export interface BrokenDeployment {
  readonly client: EndpointClient<PreprocessedRequest, EngineOutputItem>;
  /** Of each request in turn: after how many items it breaks; beyond the list none does. */
  cuts: number[];
  failure: () => Error;
  /** A cut is no failure: the worker says nothing more, its connection stands. */
  isHanging: boolean;
  /** As if its lease had expired; it goes on. */
  withdraw(instanceId: bigint): Promise<void>;
  /** What the workers were sent since the last `reset`. */
  readonly sent: PreprocessedRequest[];
  reset(): void;
  close(): Promise<void>;
}

export const disconnected = () =>
  new UnavailableError("The stream broke.", { code: "DYN_RUNTIME_DISCONNECTED" });
export const refused = () =>
  new DynError("worker at capacity", {
    code: "DYN_REQUEST_OVERLOADED",
    status: 529,
    retryable: true,
  });

export async function startBrokenDeployment(
  engine: Engine,
  options: {
    readonly workerCount?: number;
    /** What a worker makes of an item: the stream is cut between its results. */
    readonly reshape?: (item: EngineOutputItem) => EngineOutputItem[];
    /** Sees requests as a worker of another make does. */
    readonly isForeign?: boolean;
  } = {},
): Promise<BrokenDeployment> {
  const { workerCount = 3, reshape = (item) => [item], isForeign = false } = options;
  const hub = createMemHub();
  const handler = createDecodeHandler({ engine });
  const sent: PreprocessedRequest[] = [];
  const workers: DistributedRuntime[] = [];
  const leaves = new Map<bigint, () => Promise<void>>();
  for (let i = 0; i < workerCount; i++) {
    const worker = new DistributedRuntime(hub.createPlanes({ instanceId: BigInt(i + 1) }));
    const served = await worker
      .endpoint(address)
      .serve<PreprocessedRequest, EngineOutputItem>(async function* (request, context) {
        sent.push(request);
        const cut = deployment.cuts.shift() ?? Number.POSITIVE_INFINITY;
        let count = 0;
        if (cut === 0) throw deployment.failure();
        const { extra_args: _, ...plain } = request;
        for await (const { data } of handler(isForeign ? plain : request, context)) {
          for (const item of reshape(data!)) {
            yield { data: item };
            count += 1;
            if (count < cut) continue;
            if (!deployment.isHanging) throw deployment.failure();
            await new Promise((resolve) => context.killSignal.addEventListener("abort", resolve));
            return;
          }
        }
        if (cut < Number.POSITIVE_INFINITY) throw deployment.failure();
      });
    workers.push(worker);
    leaves.set(BigInt(i + 1), () => served.leave());
  }
  const caller = new DistributedRuntime(hub.createPlanes());
  const client = caller
    .endpoint(address)
    .createClient<PreprocessedRequest, EngineOutputItem>({ inhibitMs: 0 });
  await client.waitForInstances({ count: workerCount, signal: AbortSignal.timeout(30_000) });
  const deployment: BrokenDeployment = {
    client,
    cuts: [],
    failure: disconnected,
    isHanging: false,
    withdraw: async (instanceId) => leaves.get(instanceId)?.(),
    sent,
    reset: () => {
      deployment.isHanging = false;
      sent.length = 0;
      deployment.cuts = [];
      deployment.failure = disconnected;
    },
    close: async () => {
      await client.close();
      for (const runtime of [...workers, caller]) await runtime.close();
    },
  };
  return deployment;
}

/** Items of one answer joined per choice: what must not depend on how often it moved. */
export interface JoinedChoice {
  tokenIds: number[];
  logprobs: number[];
  topIds: number[][];
  /** Each must come once. */
  finishes: unknown[];
  completionTokens: number | null;
}

export async function joinAnswer(
  stream: AsyncIterable<{ readonly data?: EngineOutputItem }>,
): Promise<{ choices: JoinedChoice[]; promptTokens: Set<number>; promptLogprobs: unknown[] }> {
  const choices: JoinedChoice[] = [];
  const promptTokens = new Set<number>();
  const promptLogprobs: unknown[] = [];
  for await (const { data } of stream) {
    if (data === undefined) continue;
    const index = data.index ?? 0;
    choices[index] ??= {
      tokenIds: [],
      logprobs: [],
      topIds: [],
      finishes: [],
      completionTokens: null,
    };
    const choice = choices[index];
    choice.tokenIds.push(...data.token_ids);
    choice.logprobs.push(...(data.log_probs ?? []));
    choice.topIds.push(
      ...(data.top_logprobs ?? []).map((tops) => tops.map(({ token_id: id }) => id)),
    );
    if (data.finish_reason != null) choice.finishes.push([data.finish_reason, data.stop_reason]);
    if (data.completion_usage != null) {
      promptTokens.add(data.completion_usage.prompt_tokens);
      choice.completionTokens = data.completion_usage.completion_tokens;
    }
    if (data.engine_data?.prompt_logprobs !== undefined) {
      promptLogprobs.push(data.engine_data.prompt_logprobs);
    }
    if (data.engine_data?.dyn_resumed !== undefined) throw new Error("The mark came through.");
  }
  return { choices, promptTokens, promptLogprobs };
}
