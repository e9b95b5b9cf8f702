// A KV router as a service of its own: endpoints `generate`, `best_worker_id` and `get_overlap_scores`, as
// `python -m dynamo.router` of Dynamo 1.6.1 has them.
import { createBlockHasher } from "@dyn/kv-events";
import {
  type EngineOutputItem,
  InvalidArgumentError,
  PreprocessedRequest,
  TokenIds,
  UnavailableError,
} from "@dyn/protocol";
import type {
  Annotated,
  DistributedRuntime,
  RequestContext,
  RequestObserver,
  ServedEndpoint,
} from "@dyn/runtime";
import { z } from "zod";
import type { KvRoutedClient } from "../choice/kv-routed-client.ts";
import type { DecisionRecord } from "../decision/decision-record.ts";
import { overlapScores } from "./overlap-scores.ts";
import { withRoutingData } from "./routing-data.ts";

/** Of the endpoints. */
export const routerComponent = "router";

export interface RouterServiceOptions {
  readonly runtime: DistributedRuntime;
  readonly namespace: string;
  /** Of the workers; it stays the caller's. */
  readonly client: KvRoutedClient;
  /** Who counts the requests of an endpoint. */
  readonly observerOf?: (endpoint: string) => RequestObserver;
}

/** Resolves when all three are in discovery. */
export function serveRouter(options: RouterServiceOptions): Promise<ServedEndpoint[]> {
  const { runtime, namespace, client, observerOf } = options;
  const hasher = createBlockHasher();
  const serve = <Item>(
    endpoint: string,
    handler: (request: unknown, context: RequestContext) => AsyncIterable<Annotated<Item>>,
  ) =>
    runtime
      .endpoint({ namespace, component: routerComponent, endpoint })
      .serve<unknown, Item>(handler, { observer: observerOf?.(endpoint) });
  return Promise.all([
    serve("generate", (request, context) => generate(client, request, context)),
    serve("best_worker_id", async function* (request, context) {
      const tokens = TokenIds.safeParse(request);
      if (!tokens.success) {
        throw new InvalidArgumentError(
          "The request is not a bare array of token ids. Send [1, 2, 3], without a map around it.",
        );
      }
      const choice = await client.decide(toRequest(tokens.data), {
        requestId: context.id,
        signal: context.killSignal,
      });
      if (choice === null) throw nobody();
      yield { data: choice.workerId };
    }),
    serve("get_overlap_scores", async function* (request, context) {
      await client.ready(context.killSignal);
      const workerIds = client.instances.map(({ instanceId }) => instanceId);
      yield { data: overlapScores(request, client.router, workerIds, hasher) };
    }),
  ]);
}

async function* generate(
  client: KvRoutedClient,
  body: unknown,
  context: RequestContext,
): AsyncGenerator<Annotated<EngineOutputItem>> {
  const parsed = PreprocessedRequest.safeParse(withDefaults(body));
  if (!parsed.success) {
    throw new InvalidArgumentError(
      `The body is no preprocessed request: ${z.prettifyError(parsed.error)}`,
    );
  }
  const request = parsed.data;
  const pin = request.routing?.backend_instance_id ?? request.routing?.decode_worker_id ?? null;
  let decision: DecisionRecord | null = null;
  const items = client.generate(request, {
    requestId: context.id,
    metadata: context.metadata,
    trace: context.trace,
    signal: context.killSignal,
    ...(pin === null ? {} : { instanceId: BigInt(pin) }),
    onDecision: (record) => {
      decision = record;
    },
  });
  yield* withRoutingData(items, {
    choiceCount: request.sampling_options.n ?? 1,
    decision: () => decision,
    queueDepth: () => client.router.queue?.depth ?? 0,
  });
}

/** Callers of the reference leave out what has nothing to say. */
function withDefaults(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return {
    stop_conditions: {},
    sampling_options: {},
    output_options: {},
    eos_token_ids: [],
    annotations: [],
    ...body,
  };
}

function toRequest(tokenIds: TokenIds): PreprocessedRequest {
  const options = { stop_conditions: {}, sampling_options: {}, output_options: {} };
  return { model: "", token_ids: tokenIds, ...options, eos_token_ids: [], annotations: [] };
}

function nobody(): UnavailableError {
  return new UnavailableError("No worker of the endpoint can be asked now. Try again later.", {
    code: "DYN_ROUTER_NO_ELIGIBLE_WORKER",
  });
}
