import { modelPath } from "@dyn/tiny-models";
import { afterEach, expect, it } from "vitest";
import {
  createGrammarCompiler,
  type GrammarCompiler,
  type GrammarCompilerOptions,
} from "../src/index.ts";
import { jsonSpec, regexSpec } from "./walk/compile-here.ts";

const directory = modelPath("dyn-tiny-chat");
const open: GrammarCompiler[] = [];

function create(options: Partial<GrammarCompilerOptions> = {}): GrammarCompiler {
  const vocabulary = { tokenizerDirectory: directory };
  const compiler = createGrammarCompiler({ vocabulary, ...options });
  open.push(compiler);
  return compiler;
}

afterEach(async () => {
  for (const compiler of open.splice(0)) await compiler.close();
});

it("reads the vocabulary and compiles on threads; the same grammar twice is one", async () => {
  const compiler = create();
  const [a, b] = await Promise.all([
    compiler.compile(regexSpec("a+")),
    compiler.compile(regexSpec("a+")),
  ]);
  expect(a).toBe(b);
  expect(await compiler.compile(regexSpec("a+"))).toBe(a);
  expect(await compiler.compile(regexSpec("b+"))).not.toBe(a);
  expect(a.createMatcher({ endTokenIds: [] }).canEnd()).toBe(false);
});

it("keeps the grammars used last within its bytes", async () => {
  const compiler = create({ cacheBytes: 6000 });
  const first = await compiler.compile(regexSpec("a{1,5}"));
  await compiler.compile(jsonSpec({}));
  expect(await compiler.compile(regexSpec("a{1,5}"))).not.toBe(first);
});

it("tells what is wrong with a grammar as it was found on the thread", async () => {
  await expect(create().compile(regexSpec("(a"))).rejects.toMatchObject({
    code: "DYN_GRAMMAR_INVALID",
    status: 400,
    param: "grammar",
  });
});

it("refuses a grammar that is too large, by bytes and by states", async () => {
  const compiler = create({ maxSpecBytes: 1000, maxStates: 500 });
  await expect(compiler.compile(regexSpec("a".repeat(2000)))).rejects.toThrow("at most 1000");
  await expect(compiler.compile(regexSpec("(ab{8}|c{8}d{8}){1,9}".repeat(40)))).rejects.toThrow(
    "500 states",
  );
});

it("ends a compilation that takes too long, and compiles the next", async () => {
  const compiler = create({ timeoutMs: 3_000 });
  await compiler.compile(regexSpec("a"));
  const branches = (part: number) =>
    Array.from({ length: 40 }, (_, i) => ({
      properties: { [`p${part}-${i}`]: { type: "string" } },
    }));
  const slow = { allOf: [1, 2, 3, 4].map((part) => ({ anyOf: branches(part) })) };
  const failed = await compiler.compile(jsonSpec(slow)).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "DYN_GRAMMAR_INVALID", status: 400 });
  expect((failed as Error).message).toMatch(/took over 3000 ms|parts/);
  await compiler.compile(regexSpec("b"));
});

it("bounds how many wait, and lets waiters go", async () => {
  const compiler = create({ maxQueued: 1 });
  const all = ["a", "b", "c"].map((pattern) => compiler.compile(regexSpec(pattern)));
  const settled = await Promise.allSettled(all);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect((settled[2] as PromiseRejectedResult).reason).toMatchObject({
    code: "DYN_GRAMMAR_QUEUE_FULL",
    status: 503,
  });
  const controller = new AbortController();
  const left = compiler.compile(regexSpec("d"), { signal: controller.signal });
  controller.abort();
  await expect(left).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
});

it.each([
  ["deep nesting", jsonSpec(JSON.parse(`${'{"items":'.repeat(2000)}{}${"}".repeat(2000)}`))],
  [
    "endless merging",
    jsonSpec({
      $defs: { a: { allOf: [{ $ref: "#/$defs/a" }, { minLength: 1 }] } },
      $ref: "#/$defs/a",
    }),
  ],
  [
    "exponential unions",
    jsonSpec({
      allOf: Array.from({ length: 20 }, () => ({
        anyOf: [{ title: "a", minLength: 1 }, { maxLength: 9 }],
      })),
    }),
  ],
  ["large repetition of a large part", regexSpec(`(${"[a-z]{8}".repeat(500)}){1,8}`)],
  ["nested repetitions", regexSpec("((((a{0,1000}){0,1000}){0,1000}){0,1000}){0,1000}")],
])("%s ends in a grammar or a refusal, not in a stall", async (_, spec) => {
  const compiler = create({ timeoutMs: 2000 });
  const outcome = await compiler.compile(spec).catch((error: unknown) => error);
  if (outcome instanceof Error) {
    expect(outcome).toMatchObject({ status: 400 });
    return;
  }
  const grammar = outcome as Awaited<ReturnType<GrammarCompiler["compile"]>>;
  try {
    grammar.createMatcher({ endTokenIds: [] }).fillMask(new Int32Array(128));
  } catch (error) {
    expect(error).toMatchObject({ status: 400, code: "DYN_GRAMMAR_INVALID" });
  }
});

it("is refused once closed", async () => {
  const compiler = create();
  await compiler.close();
  await expect(compiler.compile(regexSpec("a"))).rejects.toMatchObject({
    code: "DYN_GRAMMAR_CLOSED",
  });
});
