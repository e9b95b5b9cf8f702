import { Writable } from "node:stream";
import { createLogger, createProgramLogger, parseLogFilter } from "@dyn/logging";
import { expect, test, vi } from "vitest";

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
  await expect
    .poll(() => lines.join(""))
    .toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}Z\] INFO: engine::onnx: ready \{"pages":12\}\n$/);
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

test("a program's log follows its settings: JSON by either spelling, colours only where nobody refuses them", () => {
  const settings = {
    dynLog: "off",
    loggingJsonl: false,
    loggingConsoleFormat: "readable",
    disableAnsiLogging: false,
    logUseLocalTz: false,
  } as const;
  const written: string[] = [];
  const write = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    written.push(String(chunk));
    return true;
  });
  try {
    createProgramLogger("a", settings, {}).error("unseen");
    createProgramLogger(
      "b",
      { ...settings, dynLog: "a=off,b=info", loggingConsoleFormat: "jsonl" },
      {},
    ).info("one");
    createProgramLogger("c", { ...settings, dynLog: "info" }, { FORCE_COLOR: "1" }).info("two");
    createProgramLogger(
      "d",
      { ...settings, dynLog: "info", disableAnsiLogging: true },
      { FORCE_COLOR: "1" },
    ).info("three");
  } finally {
    write.mockRestore();
  }
  const text = written.join("");
  expect(text).not.toContain("unseen");
  expect(text).toMatch(/^\{"level":"INFO".*"message":"one"\}$/m);
  expect(text.split("\n").find((line) => line.includes("two"))).toContain("\u001b[");
  expect(text).toMatch(/^\[[\d:.]+Z\] INFO: d: three$/m);
});
