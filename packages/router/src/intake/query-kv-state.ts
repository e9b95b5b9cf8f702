// Asks a worker's query endpoint for its events or its whole tree.
import {
  decodeKvQueryAnswer,
  decodeMsgpack,
  encodeKvQuery,
  encodeMsgpack,
  type KvQuery,
  type KvQueryAnswer,
} from "@dyn/kv-events";
import { DeadlineExceededError, UnavailableError } from "@dyn/protocol";
import { type Instance, RequestContext, type RequestPlane } from "@dyn/runtime";

/** The reference acknowledges a query that it cannot read and never answers. */
const timeoutMs = 15_000;

/** Throws when the worker cannot be reached, does not answer in 15 s, or answers what cannot be read. */
export async function queryKvState(
  plane: RequestPlane,
  target: Instance,
  query: KvQuery,
  signal: AbortSignal,
): Promise<KvQueryAnswer> {
  const context = new RequestContext({});
  const kill = () => context.kill();
  signal.addEventListener("abort", kill, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    context.kill();
  }, timeoutMs);
  try {
    for await (const item of plane.call(target, decodeMsgpack(encodeKvQuery(query)), context)) {
      return decodeKvQueryAnswer(encodeMsgpack(bare(item)));
    }
    throw new UnavailableError("A worker ended its answer to a KV query before it began.");
  } catch (error) {
    if (!isLate) throw error;
    throw new DeadlineExceededError(`A worker gave no answer to a KV query in ${timeoutMs} ms.`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    context.kill();
  }
}

/** The answer is the stream's item itself; some wrap it like any other. */
function bare(item: object): unknown {
  return "data" in item && item.data !== undefined ? item.data : item;
}
