import { Writable } from "node:stream";
import { createLogger, parseLogFilter } from "@dyn/logging";
import { expect, test } from "vitest";

function capture(options: { format: "readable" | "jsonl"; filter?: string }) {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const filter = parseLogFilter(options.filter ?? "info");
  return {
    lines,
    logger: createLogger({ target: "gateway", format: options.format, filter, destination }),
  };
}

test("JSONL lines carry time, level, target, message and fields", async () => {
  const { lines, logger } = capture({ format: "jsonl" });
  logger.warn("queue is full", { waiting: 3 });
  const line = JSON.parse(lines[0]!);
  expect(line).toMatchObject({
    level: "WARN",
    target: "gateway",
    message: "queue is full",
    waiting: 3,
  });
  expect(new Date(line.time).getTime()).toBeGreaterThan(0);
});

test("readable lines fit on one line, with the fields", async () => {
  const { lines, logger } = capture({ format: "readable" });
  logger.child("engine::onnx").info("ready", { pages: 12 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines.join("")).toMatch(
    /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: engine::onnx: ready \{"pages":12\}\n$/,
  );
});

test("a filter decides per target, the longest name wins", () => {
  const { lines, logger } = capture({
    format: "jsonl",
    filter: "warn,gateway=debug,gateway::sse=off",
  });
  logger.debug("seen");
  logger.child("gateway::sse").error("hidden");
  logger.child("gateway::routes").debug("seen too");
  logger.child("gatewayish").info("hidden");
  logger.child("engine").warn("seen as well");
  expect(lines.map((line) => JSON.parse(line).message)).toEqual([
    "seen",
    "seen too",
    "seen as well",
  ]);
});

test("an entry that is no level is named", () => {
  expect(() => parseLogFilter("info,gateway=loud")).toThrow('"gateway=loud"');
});
