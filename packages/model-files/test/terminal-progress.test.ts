import { createTerminalProgress, type DownloadEvent } from "@dyn/model-files";
import { expect, test } from "vitest";

const events: readonly DownloadEvent[] = [
  { type: "file-started", file: "a.safetensors", sizeBytes: 2_000_000, resumedBytes: 1_000_000 },
  { type: "file-progress", file: "a.safetensors", doneBytes: 1_500_000 },
  { type: "retry", what: "org/name/a.safetensors", reason: "the hub failed (500)", delayMs: 1500 },
  { type: "file-finished", file: "a.safetensors", sizeBytes: 2_000_000 },
];

function show(isTTY: boolean): string {
  let nowMs = 0;
  let text = "";
  const listener = createTerminalProgress(
    {
      isTTY,
      columns: 100,
      write: (piece) => {
        text += piece;
      },
    },
    () => nowMs,
  );
  for (const event of events) {
    nowMs += 1000;
    listener(event);
  }
  return text;
}

test("a terminal gets one bar that is redrawn", () => {
  const frames = show(true).split("\r\x1b[K");
  expect(frames).toEqual([
    "",
    "[############------------]  50% 1.0 MB of 2.0 MB, 0 B/s a.safetensors",
    "[##################------]  75% 1.5 MB of 2.0 MB, 500 kB/s a.safetensors",
    "org/name/a.safetensors: the hub failed (500); trying again in 1.5 s\n",
    "[########################] 100% 2.0 MB of 2.0 MB, 333 kB/s a.safetensors\n",
  ]);
});

test("a log gets a line for each event worth one", () => {
  expect(show(false)).toBe(
    "downloading a.safetensors, on from 1.0 MB\n" +
      "org/name/a.safetensors: the hub failed (500); trying again in 1.5 s\n" +
      "downloaded a.safetensors (2.0 MB)\n",
  );
});
