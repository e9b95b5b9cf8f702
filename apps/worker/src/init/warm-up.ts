import { createGenerateRequest, type Engine } from "@dyn/engine";
import { UnavailableError } from "@dyn/protocol";

const tokenIds = [10, 11, 12, 13];
const tokenCount = 8;
const timeoutMs = 1_800_000;

/** One small request through the whole engine. Throws when it does not come to its end. */
export async function warmUp(engine: Engine): Promise<void> {
  const { vocabSize } = engine.info;
  const outputs = engine.generate(
    createGenerateRequest({
      requestId: "warm-up",
      tokenIds: tokenIds.map((id) => id % vocabSize),
      sampling: { temperature: 0, maxNewTokens: tokenCount, ignoreEos: true },
    }),
    { signal: AbortSignal.timeout(timeoutMs) },
  );
  for await (const { finish } of outputs) {
    if (finish === null || finish.type === "length" || finish.type === "stop") continue;
    const why = finish.type === "error" ? finish.error.message : finish.message;
    throw new UnavailableError(`The engine's first request failed: ${why}`, {
      code: "DYN_WORKER_WARM_UP",
    });
  }
}
