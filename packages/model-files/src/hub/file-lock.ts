// A lock between processes: a file that only one of them can create. Its owner touches it while it works;
// a lock whose owner is dead, or has not touched it for a minute, is broken.

import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { isNotFound } from "../files/model-file-error.ts";
import type { RetryTimers } from "./retry-schedule.ts";

const touchMs = 10_000;
const staleMs = 60_000;
const pollMs = 500;

/** Waits for the lock, runs `work`, gives the lock back. */
export async function withFileLock<T>(
  path: string,
  timers: RetryTimers,
  work: () => Promise<T>,
  options: { readonly signal?: AbortSignal | undefined; readonly onWait?: () => void } = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const content = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() });
  let told = false;
  while (!(await create(path, content))) {
    if (await breakStale(path, timers)) continue;
    if (!told) options.onWait?.();
    told = true;
    await timers.sleep(pollMs, options.signal);
  }
  const touching = setInterval(() => {
    // A lock that cannot be touched turns stale; the blob's checksum is what protects the file.
    touch(path).catch(() => clearInterval(touching));
  }, touchMs);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if ((await readOwner(path)) === content) await rm(path, { force: true });
  }
}

async function create(path: string, content: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    await handle.writeFile(content).finally(() => handle.close());
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** True when the lock was stale and is gone now. */
async function breakStale(path: string, timers: RetryTimers): Promise<boolean> {
  const owner = await readOwner(path);
  if (owner === null) return true;
  if (!(await isStale(path, owner, timers))) return false;
  // By rename, so that of several who find it stale one removes it; whoever caught a fresh one puts it back.
  const aside = `${path}.${process.pid}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
  if ((await readOwner(aside)) !== owner) await link(aside, path).catch(ignoreExisting);
  await rm(aside, { force: true });
  return true;
}

async function isStale(path: string, owner: string, timers: RetryTimers): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    if (timers.nowMs() - mtimeMs > staleMs) return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
  const parsed = parseOwner(owner);
  return parsed !== null && parsed.host === hostname() && !isAlive(parsed.pid);
}

function parseOwner(owner: string): { pid: number; host: string } | null {
  try {
    const value: unknown = JSON.parse(owner);
    if (typeof value !== "object" || value === null) return null;
    if (!("pid" in value) || !("host" in value)) return null;
    return typeof value.pid === "number" && typeof value.host === "string"
      ? { pid: value.pid, host: value.host }
      : null;
  } catch {
    // Its owner has created it and not written it yet: age decides.
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function readOwner(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
}
