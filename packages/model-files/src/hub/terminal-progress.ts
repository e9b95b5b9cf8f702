// Shows a download to a person: one bar that is redrawn on a terminal, a line per file elsewhere.
import type { DownloadEvent, DownloadListener } from "./download-progress.ts";

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const redrawMs = 100;
const barWidth = 24;

interface FileState {
  readonly sizeBytes: number | null;
  doneBytes: number;
}

/** `nowMs`: a clock that only goes forward. */
export function createTerminalProgress(
  stream: ProgressStream,
  nowMs: () => number = () => performance.now(),
): DownloadListener {
  return stream.isTTY === true ? createBar(stream, nowMs) : createLines(stream);
}

function createLines(stream: ProgressStream): DownloadListener {
  return (event) => {
    if (event.type === "file-started" && event.resumedBytes > 0) {
      stream.write(`downloading ${event.file}, on from ${formatBytes(event.resumedBytes)}\n`);
    } else if (event.type === "file-finished") {
      stream.write(`downloaded ${event.file} (${formatBytes(event.sizeBytes)})\n`);
    } else if (event.type === "retry") {
      stream.write(retryLine(event));
    }
  };
}

function createBar(stream: ProgressStream, nowMs: () => number): DownloadListener {
  const files = new Map<string, FileState>();
  let startedMs: number | null = null;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let receivedBytes = 0;
  return (event) => {
    const now = nowMs();
    startedMs ??= now;
    if (event.type === "retry") {
      stream.write(`\r\x1b[K${retryLine(event)}`);
      return;
    }
    receivedBytes += updateFile(files, event);
    const open = [...files.values()].some((file) => file.doneBytes !== file.sizeBytes);
    if (open && now - drawnMs < redrawMs) return;
    drawnMs = now;
    const rate = receivedBytes / Math.max((now - startedMs) / 1000, 0.001);
    const line = drawBar([...files.values()], rate, event.file).slice(
      0,
      (stream.columns ?? 80) - 1,
    );
    stream.write(`\r\x1b[K${line}${open ? "" : "\n"}`);
    if (!open) files.clear();
  };
}

/** Returns the bytes that arrived since the last event of the file. */
function updateFile(
  files: Map<string, FileState>,
  event: Exclude<DownloadEvent, { type: "retry" }>,
): number {
  if (event.type === "file-started") {
    files.set(event.file, { sizeBytes: event.sizeBytes, doneBytes: event.resumedBytes });
    return 0;
  }
  const before = files.get(event.file)?.doneBytes ?? 0;
  const doneBytes = event.type === "file-progress" ? event.doneBytes : event.sizeBytes;
  const sizeBytes =
    event.type === "file-finished" ? doneBytes : (files.get(event.file)?.sizeBytes ?? null);
  files.set(event.file, { sizeBytes, doneBytes });
  return Math.max(0, doneBytes - before);
}

function drawBar(files: readonly FileState[], bytesPerSecond: number, file: string): string {
  const done = files.reduce((sum, state) => sum + state.doneBytes, 0);
  const total = files.reduce((sum, state) => sum + (state.sizeBytes ?? state.doneBytes), 0);
  const share = total === 0 ? 1 : done / total;
  const filled = Math.round(share * barWidth);
  const bar = "#".repeat(filled) + "-".repeat(barWidth - filled);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `[${bar}] ${percent}% ${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(bytesPerSecond)}/s ${file}`;
}

function retryLine(event: Extract<DownloadEvent, { type: "retry" }>): string {
  const seconds = (event.delayMs / 1000).toFixed(1);
  return `${event.what}: ${event.reason}; trying again in ${seconds} s\n`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
