// What a hand-over adds to the time to the first token, with the engine on ONNX Runtime and the bundled model: one process
// that does all, against a pair. Prompts are of random tokens, so that no cache knows them.
// `node --conditions=@dyn/source --import tsx packages/disagg/bench/first-token.ts [prompts of each length]`
import { join } from "node:path";
import type { GenerateRequest } from "@dyn/engine";
import { EngineProcess } from "../test/pair/engine-process.ts";
import { drawRoom, makeRequest } from "../test/pair/make-request.ts";

const modelDirectory = join(import.meta.dirname, "../../tiny-models/models/dyn-tiny-chat");
const lengths = [500, 1000, 2000];
const rounds = Number(process.argv[2] ?? 20);
const largestToken = 1000;

const engine = { modelDirectory, threadCount: 1, maxTotalTokens: 16_384 };

function draw(length: number): GenerateRequest {
  const tokenIds = Array.from({ length }, () => Math.floor(Math.random() * largestToken));
  return makeRequest({ tokenIds, sampling: { maxNewTokens: 1, ignoreEos: true } });
}

async function timeMs(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function measure(transport: "shm" | "tcp", alone: EngineProcess): Promise<void> {
  const start = (mode: "prefill" | "decode") =>
    EngineProcess.start({
      engine,
      disaggregation: { mode, transport, connectTimeoutMs: 10_000 },
    });
  await using prefill = await start("prefill");
  await using decode = await start("decode");
  const pair = async (request: GenerateRequest) => {
    const bootstrapRoom = drawRoom();
    const half = (role: "prefill" | "decode") => ({
      ...request,
      disaggregation: {
        role,
        bootstrapHost: "127.0.0.1",
        bootstrapPort: prefill.bootstrapPort,
        bootstrapRoom,
      },
    });
    await Promise.all([prefill.generate(half("prefill")), decode.generate(half("decode"))]);
  };
  for (const length of lengths) {
    for (let i = 0; i < 2; i++) {
      await alone.generate(draw(length));
      await pair(draw(length));
    }
    const whole: number[] = [];
    const halves: number[] = [];
    for (let i = 0; i < rounds; i++) {
      whole.push(await timeMs(() => alone.generate(draw(length))));
      halves.push(await timeMs(() => pair(draw(length))));
    }
    const { transferredBytes } = (await decode.metrics()).handOver!;
    const added = (of: (values: readonly number[]) => number) =>
      (((of(halves) - of(whole)) * 1000) / length).toFixed(1);
    const best = (values: readonly number[]) => Math.min(...values);
    console.log(
      `${transport}, ${length} tokens: alone ${median(whole).toFixed(1)} ms (best ${best(whole).toFixed(1)}), pair ${median(halves).toFixed(1)} ms (best ${best(halves).toFixed(1)}); added per 1k tokens ${added(median)} ms (of the best ${added(best)}); ${(transferredBytes / 1e6).toFixed(0)} MB so far`,
    );
  }
}

await using alone = await EngineProcess.start({ engine, disaggregation: null });
for (const transport of ["shm", "tcp"] as const) await measure(transport, alone);
