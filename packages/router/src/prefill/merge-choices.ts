import type { EngineOutputItem } from "@dyn/protocol";
import type { Annotated } from "@dyn/runtime";

type Stream = AsyncGenerator<Annotated<EngineOutputItem>>;

/**
 * The items of all streams as they come, each under the index of its stream. One that fails ends them all, by the signal
 * that they were opened with: leaving a generator waits for what it waits for.
 */
export async function* mergeChoices(
  open: (signal: AbortSignal) => readonly Stream[],
  outer: AbortSignal | undefined,
): Stream {
  const inner = new AbortController();
  const end = () => inner.abort(outer?.reason);
  outer?.addEventListener("abort", end, { once: true });
  if (outer?.aborted) end();
  const streams = open(inner.signal);
  const pull = async (stream: Stream, index: number) => ({ index, result: await stream.next() });
  const pending = new Map(streams.map((stream, index) => [index, pull(stream, index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(index);
        continue;
      }
      pending.set(index, pull(streams[index]!, index));
      const { data } = result.value;
      yield data === undefined ? result.value : { ...result.value, data: { ...data, index } };
    }
  } finally {
    outer?.removeEventListener("abort", end);
    end();
    for (const waiting of pending.values()) waiting.catch(() => {});
    await Promise.allSettled(streams.map((stream) => stream.return(undefined)));
  }
}
