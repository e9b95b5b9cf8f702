export { describeWorker } from "./describe-worker.ts";
export { type RunningWorker, startWorker, type WorkerContext } from "./start-worker.ts";
