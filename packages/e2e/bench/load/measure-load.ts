// One load against one frontend, with the CPU seconds and the memory of that frontend's process alone.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { LoadPlan, LoadResult } from "./load-client.ts";

const run = promisify(execFile);
const client = fileURLToPath(new URL("load-client.ts", import.meta.url));

export interface LoadMeasure extends LoadResult {
  readonly cpuSeconds: number;
  readonly chunksPerCpuSecond: number;
  readonly rssMb: number;
}

export async function measureLoad(pid: number, plan: LoadPlan): Promise<LoadMeasure> {
  const before = cpuSeconds(pid);
  const { stdout } = await run(process.execPath, [
    ...process.execArgv,
    client,
    JSON.stringify(plan),
  ]);
  const result = JSON.parse(stdout) as LoadResult;
  const used = cpuSeconds(pid) - before;
  return {
    ...result,
    cpuSeconds: used,
    chunksPerCpuSecond: result.chunks / used,
    rssMb: rssMb(pid),
  };
}

/** User and system time of all its threads; the kernel counts in hundredths. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rssMb(pid: number): number {
  const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Number(kb) / 1024;
}
