import { execFileSync } from "node:child_process";

/** The processes that a process has started and that run node, oldest first. */
export function childrenOf(pid: number): number[] {
  return listProcesses()
    .filter(({ parent, command }) => parent === pid && /node|MainThread/.test(command))
    .map(({ pid: own }) => own)
    .sort((a, b) => a - b);
}

/** Everything that a process has started, and what that started. */
export function descendantsOf(pid: number): number[] {
  const all = listProcesses();
  const found = [pid];
  // Grows while it is walked.
  for (const known of found) {
    for (const { pid: own, parent } of all) if (parent === known) found.push(own);
  }
  return found.slice(1);
}

function listProcesses(): { pid: number; parent: number; command: string }[] {
  const list = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" });
  return list
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, command = ""]) => ({ pid: Number(pid), parent: Number(parent), command }));
}
