import { incompleteStream } from "../errors/gateway-errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { RequestObservation } from "../observe/request-observation.ts";
import type { WorkerClient } from "./base-pipeline.ts";

/** The one item that a worker answers with. Throws UnavailableError when the stream ends without it. */
export async function askWorker(
  workers: WorkerClient,
  body: unknown,
  { exchange, observation }: { readonly exchange: Exchange; observation: RequestObservation },
): Promise<unknown> {
  const { request, signal } = exchange;
  const stream = workers.generate(body, {
    signal,
    requestId: objectIdOf(request),
    trace: observation.trace,
    onRouted: () => observation.routed(),
  });
  let answer: unknown;
  // To its end: an error may still come behind the item.
  for await (const { data } of stream) answer ??= data;
  signal.throwIfAborted();
  if (answer === undefined) throw incompleteStream();
  return answer;
}
