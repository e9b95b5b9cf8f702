// What a worker shows of itself: its records in file discovery, and its routes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Records by key, with what differs from run to run taken out of both. */
export function readRecords(folder: string): Map<string, unknown> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  const records = files
    .filter((entry) => entry.isFile())
    .map((entry): [string, unknown] => {
      const path = join(entry.parentPath, entry.name);
      const key = decodeURIComponent(path.slice(folder.length + 1));
      return [withoutIds(key), JSON.parse(withoutIds(readFileSync(path, "utf8")))];
    });
  return new Map(records.toSorted(([a], [b]) => a.localeCompare(b)));
}

function withoutIds(text: string): string {
  return text
    .replace(/(instance_id|worker_id|publisher_id)": ?\d+/g, '$1":0')
    .replace(/source_[0-9a-f]+/g, "source_ID")
    .replace(/\/[0-9a-f]{10,}/g, "/ID")
    .replace(/\b[\d.]+:\d+\//g, "ADDRESS/")
    .replace(/tcp:\/\/[\d.]+:\d+/g, "tcp://ADDRESS");
}

export interface RouteCall {
  readonly path: string;
  readonly body?: object;
  readonly method?: "GET" | "POST";
}

export async function callRoute(
  systemUrl: string,
  { path, body, method = "POST" }: RouteCall,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const response = await fetch(`${systemUrl}/engine/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
