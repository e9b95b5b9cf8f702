// POST /clear_kv_blocks: every worker forgets the prefixes that it keeps.
import { DynError } from "@dyn/protocol";
import { type EndpointId, endpointPath, formatEndpointId, type Instance } from "@dyn/runtime";
import { z } from "zod";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";

/** Beside `generate`, at every worker with a cache. */
const endpointName = "clear_kv_blocks";
/** A worker that says nothing for so long counts as failed. */
const answerTimeoutMs = 30_000;

const WorkerAnswer = z.looseObject({ status: z.string(), message: z.string().optional() });

const WorkerResult = z.object({
  endpoint: z.string(),
  instance_id: z.string(),
  status: z.string(),
  message: z.string(),
});
type WorkerResult = z.infer<typeof WorkerResult>;

const ClearKvBlocksResult = z.object({
  cleared_workers: z.array(WorkerResult),
  failed_workers: z.array(WorkerResult),
});

/** 503 when any worker still keeps what it had: the body says which, and why. */
export function clearKvBlocksRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/clear_kv_blocks",
    doc: {
      tag: "Operation",
      summary: "Every worker forgets its cached prefixes; one with running requests refuses.",
      response: { ClearKvBlocksResult },
    },
    access: "admin",
    handle: async ({ response, signal }) => {
      const instances = await workersOf(context);
      const results = await Promise.all(instances.map((it) => clear(context, it, signal)));
      const cleared = results.filter(({ status }) => status === "success");
      const failed = results.filter(({ status }) => status !== "success");
      sendJson(response, failed.length === 0 ? 200 : 503, {
        cleared_workers: cleared,
        failed_workers: failed,
      });
    },
  };
}

async function workersOf({ runtime, servesNamespace }: GatewayContext): Promise<Instance[]> {
  const records = await runtime.planes.discovery.list("v1/instances");
  return records.flatMap((record) =>
    record.type === "instance" && isAsked(record.instance.id) ? [record.instance] : [],
  );

  function isAsked({ endpoint, namespace }: EndpointId): boolean {
    return endpoint === endpointName && servesNamespace(namespace);
  }
}

async function clear(
  { runtime, logger }: GatewayContext,
  { id, instanceId }: Instance,
  signal: AbortSignal,
): Promise<WorkerResult> {
  const name = { endpoint: formatEndpointId(id), instance_id: instanceId.toString() };
  const failed = (message: string) => ({ ...name, status: "error", message });
  const client = runtime.endpoint(id).createClient<unknown, unknown>({ mode: "direct" });
  const timeout = AbortSignal.timeout(answerTimeoutMs);
  try {
    const stream = client.generate({}, { instanceId, signal: AbortSignal.any([signal, timeout]) });
    let answer: unknown;
    for await (const { data } of stream) answer ??= data;
    if (timeout.aborted) return failed(`It did not answer within ${answerTimeoutMs / 1000} s.`);
    const parsed = WorkerAnswer.safeParse(answer);
    if (!parsed.success) return failed("Its answer is not {status, message}.");
    return { ...name, status: parsed.data.status, message: parsed.data.message ?? "" };
  } catch (error) {
    logger.warn("A worker did not clear its cache.", {
      worker: endpointPath(id),
      error: String(error),
    });
    return failed(
      DynError.is(error) ? error.message : "It cannot be asked; the log has the cause.",
    );
  } finally {
    await client.close();
  }
}
