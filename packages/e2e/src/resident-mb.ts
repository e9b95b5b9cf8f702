import { readFileSync } from "node:fs";

/** VmRSS of a process and its children, which only Linux tells this way. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  const own = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  const pids = children.split(" ").filter((text) => text !== "");
  return pids.reduce((sum, child) => sum + residentMb(Number(child)), own);
}
