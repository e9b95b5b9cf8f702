import { execFileSync } from "node:child_process";

/** The processes that a process has started and that run node, oldest first. */
export function childrenOf(pid: number): number[] {
  const list = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" });
  return list
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, parent, command]) => Number(parent) === pid && /node|MainThread/.test(command ?? ""),
    )
    .map(([own]) => Number(own))
    .sort((a, b) => a - b);
}
