export { resolveBundledModel } from "./bundled-model.ts";
export { readTopology } from "./card/read-topology.ts";
export { describeWorker, type WorkerReport } from "./describe-worker.ts";
export type { GenerateFacts, VectorFacts, WorkerFacts } from "./facts/worker-facts.ts";
export { type RunningWorker, startWorker, type WorkerContext } from "./start-worker.ts";
