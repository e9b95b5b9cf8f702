// How full a worker is, on the topic kv_metrics: said when it changes and at most so often, whatever the engine does.
import { encodeWorkerLoad, type WorkerLoad } from "@dyn/kv-events";
import { type DistributedRuntime, type EndpointId, parseEndpointId } from "@dyn/runtime";

export type LoadFigures = Pick<WorkerLoad, "kvUsedBlocks"> &
  Partial<Pick<WorkerLoad, "activeDecodeBlocks" | "activePrefillTokens">>;

export interface LoadReporterOptions {
  readonly runtime: DistributedRuntime;
  /** Where the worker serves: dyn://namespace.component.endpoint. */
  readonly endpoint: string | EndpointId;
  /** Default this process. */
  readonly workerId?: bigint;
  readonly dpRank?: number;
  /** The load now; cheap, since it is asked for at every interval. */
  readonly read: () => LoadFigures;
  /** Between two looks, and so between two reports. Default 100. */
  readonly intervalMs?: number;
  /** A load above nothing is said again after this, for routers that came later. Default 5000. */
  readonly repeatMs?: number;
  readonly now?: () => number;
}

export interface LoadReporter extends AsyncDisposable {
  readonly reportCount: number;
  close(): Promise<void>;
}

/** The first report leaves at once. */
export async function createLoadReporter(options: LoadReporterOptions): Promise<LoadReporter> {
  const { runtime, endpoint, workerId = runtime.instanceId, dpRank = 0 } = options;
  const { read, intervalMs = 100, repeatMs = 5_000, now = () => performance.now() } = options;
  const scope = typeof endpoint === "string" ? parseEndpointId(endpoint) : endpoint;
  const publisher = await runtime.planes.eventPlane.createPublisher(scope, "kv_metrics");
  let last: LoadFigures | null = null;
  let lastAtMs = 0;
  let reportCount = 0;
  const look = () => {
    const figures = read();
    const isKnown = last !== null && isSame(figures, last);
    if (isKnown && (isIdle(figures) || now() - lastAtMs < repeatMs)) return;
    const { kvUsedBlocks, activeDecodeBlocks = null, activePrefillTokens = null } = figures;
    publisher.publish(
      encodeWorkerLoad({ workerId, dpRank, activeDecodeBlocks, activePrefillTokens, kvUsedBlocks }),
    );
    last = figures;
    lastAtMs = now();
    reportCount += 1;
  };
  look();
  const timer = setInterval(look, intervalMs);
  timer.unref();
  const close = async () => {
    clearInterval(timer);
    await publisher.close();
  };
  return {
    get reportCount() {
      return reportCount;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isSame(one: LoadFigures, other: LoadFigures): boolean {
  return (
    one.kvUsedBlocks === other.kvUsedBlocks &&
    one.activeDecodeBlocks === other.activeDecodeBlocks &&
    one.activePrefillTokens === other.activePrefillTokens
  );
}

function isIdle(figures: LoadFigures): boolean {
  return !figures.kvUsedBlocks && !figures.activeDecodeBlocks && !figures.activePrefillTokens;
}
