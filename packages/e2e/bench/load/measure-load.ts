// One load against one frontend, with the CPU seconds and the memory of that frontend's process alone.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { LoadPlan, LoadResult } from "./load-client.ts";
import { cpuSecondsOf, rssMbOf } from "./process-usage.ts";

const run = promisify(execFile);
const client = fileURLToPath(new URL("load-client.ts", import.meta.url));

export interface LoadMeasure extends LoadResult {
  readonly cpuSeconds: number;
  readonly chunksPerCpuSecond: number;
  readonly rssMb: number;
}

export async function measureLoad(pid: number, plan: LoadPlan): Promise<LoadMeasure> {
  const before = cpuSecondsOf(pid);
  const { stdout } = await run(process.execPath, [
    ...process.execArgv,
    client,
    JSON.stringify(plan),
  ]);
  const result = JSON.parse(stdout) as LoadResult;
  const used = cpuSecondsOf(pid) - before;
  return {
    ...result,
    cpuSeconds: used,
    chunksPerCpuSecond: result.chunks / used,
    rssMb: rssMbOf(pid),
  };
}
