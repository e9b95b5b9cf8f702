import { defaultSamplingParams, type Engine } from "@dyn/engine";
import { UnavailableError } from "@dyn/protocol";

const tokenIds = [10, 11, 12, 13];
const tokenCount = 8;
const timeoutMs = 1_800_000;

/** One small request through the whole engine. Throws when it does not come to its end. */
export async function warmUp(engine: Engine): Promise<void> {
  const { vocabSize } = engine.info;
  const outputs = engine.generate(
    {
      requestId: "warm-up",
      tokenIds: Uint32Array.from(tokenIds, (id) => id % vocabSize),
      sampling: {
        ...defaultSamplingParams,
        temperature: 0,
        maxNewTokens: tokenCount,
        ignoreEos: true,
      },
      n: 1,
      eosTokenIds: [],
      logprobs: null,
      promptLogprobs: null,
      priority: 0,
      routingKey: null,
      cacheSalt: null,
      extraKey: null,
      resume: null,
    },
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
