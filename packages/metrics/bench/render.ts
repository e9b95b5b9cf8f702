// What one rendered page, one step and one request cost.
//   node --conditions=@dyn/source --import tsx packages/metrics/bench/render.ts
import os from "node:os";
import { Histogram, Registry } from "prom-client";
import {
  createComponentMetrics,
  createEngineMetrics,
  createEngineRequestMetrics,
  createFrontendMetrics,
  createMetricsRegistry,
  type EngineMetricsLike,
} from "../src/index.ts";

const MODELS = 25;
/** Engines on one page: enough for 200 series. */
const WORKERS = 4;
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

async function measure(rounds: number, perRound: number, work: () => unknown): Promise<number> {
  const micros: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < perRound; i++) await work();
    micros.push(Number(process.hrtime.bigint() - start) / 1000 / perRound);
  }
  return median(micros);
}

function measureSync(rounds: number, perRound: number, work: () => void): number {
  const nanos: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < perRound; i++) work();
    nanos.push(Number(process.hrtime.bigint() - start) / perRound);
  }
  return median(nanos);
}

const registry = createMetricsRegistry({ processMetrics: false });
const frontend = createFrontendMetrics(registry);
const labels = (i: number) =>
  ({ model: `model-${i}`, endpoint: "chat_completions", requestType: "stream" }) as const;
const requests = Array.from({ length: MODELS }, (_, i) => frontend.requestStarted(labels(i)));
for (const request of requests) {
  request.firstToken(0.1);
  request.tokens(1, 0.02);
  request.finish({ errorType: null, inputTokens: 100, outputTokens: 2, cachedTokens: 0 });
}
const { body } = await registry.render();
/** Histogram children and plain series: names with one set of labels, `le` aside. */
function countSeries(page: string): number {
  const series = page
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !/_(sum|count)[{ ]/.test(line))
    .map((line) => line.replace(/le="[^"]*",?/, "").replace(/ \S+$/, ""));
  return new Set(series).size;
}

const engineState: EngineMetricsLike = {
  runningRequests: 32,
  waitingRequests: 4,
  pagesTotal: 4096,
  pagesFree: 1024,
  pagesCached: 2048,
  pagesUsed: 1024,
  promptTokens: 1_000_000,
  cachedTokens: 400_000,
  generatedTokens: 300_000,
  finishedRequests: 4000,
  abortedRequests: 20,
  retractions: 3,
  prefillSteps: 5000,
  decodeSteps: 60_000,
  generationThroughput: 900,
};
const workerRegistry = createMetricsRegistry();
const engineRequests = Array.from({ length: WORKERS }, (_, i) => {
  const id = {
    namespace: "dynamo",
    component: "backend",
    endpoint: "generate",
    workerId: `d3e9b1b7d5201d2${i}`,
    model: "tiny",
  };
  const engine = {
    model: "tiny",
    pageSize: 16,
    contextLength: 2048,
    labels: {
      dynamo_namespace: id.namespace,
      dynamo_component: id.component,
      dynamo_endpoint: id.endpoint,
      worker_id: id.workerId,
      model: id.model,
    },
  };
  createEngineMetrics(workerRegistry, engine, () => engineState);
  const component = createComponentMetrics(workerRegistry, id);
  component.begun(100)({ errorType: null, isCancelled: false, sentBytes: 1000 });
  return createEngineRequestMetrics(workerRegistry, engine);
});
const workerPage = (await workerRegistry.render()).body;

const peer = new Histogram({
  name: "peer",
  help: "prom-client's own",
  labelNames: ["model"],
  buckets: [0, 0.0018, 0.0033, 0.0059, 0.011, 0.02, 0.035, 0.064, 0.12, 0.21, 0.38, 0.69, 1.2],
  registers: [new Registry()],
});
const open = frontend.requestStarted(labels(0));
const whole = () => {
  const request = frontend.requestStarted(labels(1));
  request.firstToken(0.1);
  request.finish({ errorType: null, inputTokens: 100, outputTokens: 2, cachedTokens: 0 });
};

console.log(`${new Date().toISOString()}, ${os.cpus()[0]?.model.trim()}, Node ${process.version}`);
console.log(`page of a frontend: ${countSeries(body)} series, ${body.length} characters`);
console.log(`render: ${(await measure(30, 5, () => registry.render())).toFixed(0)} us`);
console.log(
  `step of 4 tokens: ${measureSync(30, 20_000, () => open.tokens(4, 0.08)).toFixed(0)} ns`,
);
console.log(
  `the same by 4 observations of prom-client: ${measureSync(30, 5000, () => {
    for (let i = 0; i < 4; i++) peer.observe({ model: "model-0" }, 0.02);
  }).toFixed(0)} ns`,
);
console.log(`request, start to end: ${measureSync(30, 2000, whole).toFixed(0)} ns`);

console.log(
  `page of ${WORKERS} engines: ${countSeries(workerPage)} series, ${workerPage.length} characters`,
);
console.log(`render: ${(await measure(30, 5, () => workerRegistry.render())).toFixed(0)} us`);
const running = engineRequests[0]!.begun();
running.step(0, 1);
console.log(
  `step of an engine's choice: ${measureSync(30, 20_000, () => running.step(0, 1)).toFixed(0)} ns`,
);
