// Every part of a pattern in a process of its own: started together, watched, stopped in order.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGiven } from "@dyn/args";
import type { Logger } from "@dyn/logging";
import { UnavailableError } from "@dyn/protocol";
import type { RunningProgram } from "@dyn/runtime/program";
import type { WorkerReport } from "@dyn/worker";
import { Child, type ChildEnd, describeEnd, exitCodeOf } from "./child.ts";
import type { LaunchPlan, PlannedProcess } from "./plan-launch.ts";
import { type LaunchFacts, startReport } from "./start-report.ts";

/** From the last worker's registration until the frontends serve its model; their log says what is in the way. */
const modelTimeoutMs = 60_000;
/** The exit code of a program whose drain time ran out. */
const incompleteCode = 3;

/** Resolves when every model can be asked, or when a process ended before: `ended` says so then. */
export async function startProcesses(
  plan: LaunchPlan,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningProgram> {
  const folder = mkdtempSync(join(tmpdir(), "dyn-launch-"));
  const children = plan.processes.map((part, i) => startChild(plan, part, i, folder));
  // A second signal ends us at once, and them with us.
  process.on("exit", () => {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const dead = Promise.race(
    children.map(async (child) => ({ child, end: await child.ended })),
  ).then((first) => (first.child.isStopping ? new Promise<never>(() => {}) : first));
  const drain = async () => ({ complete: await stopInOrder(children, logger) });
  const ended = dead.then(async ({ child, end }) => {
    process.stderr.write(obituary(child, end));
    await drain();
    return exitCodeOf(end) || 1;
  });
  const giveUp = new AbortController();
  const stopWaiting = () => giveUp.abort(signal.reason);
  signal.addEventListener("abort", stopWaiting, { once: true });
  ended.then(stopWaiting, stopWaiting);
  try {
    const started = collectFacts(children, giveUp.signal);
    const facts = await Promise.race([started, dead.then(() => null), untilAborted(signal)]);
    if (facts !== null) process.stdout.write(startReport(facts));
  } catch (error) {
    await drain();
    throw error;
  }
  return { ended, drain };
}

function startChild(plan: LaunchPlan, part: PlannedProcess, index: number, folder: string): Child {
  const { program, name, argv, args } = part;
  const { loggingJsonl, loggingConsoleFormat, disableAnsiLogging } = args.values.process;
  const isJsonl = loggingJsonl || loggingConsoleFormat === "jsonl";
  const hasColor =
    process.stderr.isTTY === true && !isJsonl && !disableAnsiLogging && !process.env.NO_COLOR;
  return new Child({
    program,
    name,
    argv,
    env: {
      ...(hasColor ? { FORCE_COLOR: "1" } : {}),
      ...privateDefaults(part, folder),
      ...part.env,
    },
    width: Math.max(...plan.processes.map((each) => each.name.length)),
    colorIndex: hasColor ? index : null,
    isJsonl,
  });
}

/** Without a discovery of the user's own all parts meet in a folder of this launch, and nobody else is concerned. */
function privateDefaults({ args }: PlannedProcess, folder: string): Record<string, string> {
  if (isGiven(args, "runtime", "discoveryBackend")) return {};
  return {
    DYN_DISCOVERY_BACKEND: "file",
    DYN_FILE_KV: folder,
    DYN_SYSTEM_HOST: "127.0.0.1",
    DYN_SYSTEM_PORT: "0",
    // The same disk, and all frontends end with the workers: nothing to serve, nobody to wait for.
    DYN_SELF_HOST_METADATA: "0",
    DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "0",
  };
}

async function collectFacts(children: readonly Child[], signal: AbortSignal): Promise<LaunchFacts> {
  const reports = await Promise.all(
    children.map(async ({ program, name, ready }) => ({ program, name, report: await ready })),
  );
  const urls = reports.flatMap(({ program, report }) =>
    program === "frontend" ? [String(report.url)] : [],
  );
  const workers = reports.flatMap(({ program, name, report }) =>
    program === "worker" ? [{ name, ...(report as unknown as WorkerReport) }] : [],
  );
  const models = new Set(workers.map(({ model }) => model));
  const frontends = children.filter(({ program }) => program === "frontend");
  const served = Promise.all(
    frontends.flatMap((frontend) => [...models].map((model) => frontend.untilServes(model))),
  );
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(notServed(models)), modelTimeoutMs);
  try {
    await Promise.race([served, untilAborted(AbortSignal.any([signal, limit.signal]))]);
  } finally {
    clearTimeout(timer);
  }
  return { urls, workers, startMs: performance.now() };
}

/** Workers drain, frontends last: they carry the answers. Whether all could finish. */
async function stopInOrder(children: readonly Child[], logger: Logger): Promise<boolean> {
  let isComplete = true;
  for (const program of ["worker", "frontend"] as const) {
    const group = children.filter((child) => child.program === program);
    const ends = await Promise.all(
      group.map(async (child) => {
        const wasAsked = child.isStopping;
        return { child, wasAsked, end: await child.stop() };
      }),
    );
    for (const { child, end } of ends) {
      if (exitCodeOf(end) === 0) continue;
      isComplete &&= false;
      if (exitCodeOf(end) !== incompleteCode) {
        logger.warn("a process did not end well", { process: child.name, how: describeEnd(end) });
      }
    }
  }
  return isComplete;
}

function obituary(child: Child, end: ChildEnd): string {
  const lines = child.lastLines.map((line) => `  ${line}\n`).join("");
  const said = lines === "" ? "It said nothing." : `Its last lines:\n${lines}`;
  return `\ndyn: ${child.name} ${describeEnd(end)}, which nobody asked for; the others are stopped. ${said}\n`;
}

function notServed(models: ReadonlySet<string>): UnavailableError {
  return new UnavailableError(
    `The workers are up, but after ${modelTimeoutMs / 1000} s not every frontend serves ${[...models].join(", ")}; the lines above say what is in the way.`,
    { code: "DYN_LAUNCH_NOT_SERVED" },
  );
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
