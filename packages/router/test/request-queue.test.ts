// Lines of requests by class: who stands where, and how they take turns.
import { classOf, defaultQueueSettings, type QueueClass, RequestQueue } from "@dyn/router";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const toClass = (className: string, more: Partial<QueueClass> = {}): QueueClass => ({
  ...defaultQueueSettings,
  className,
  family: className,
  bucket: "all",
  quantum: null,
  thresholdFrac: 0,
  ...more,
});
const toClasses = (...classes: QueueClass[]) => ({
  defaultFamily: classes[0]!.family,
  buckets: [{ minTokens: 0, bucket: "all" }],
  classes,
});

/** Room for nobody, but for one at each `letGo`. */
function startQueue(...classes: QueueClass[]) {
  let isOpen = false;
  const closed = new Set<string>();
  const left: string[] = [];
  const queue = new RequestQueue({
    classes: toClasses(...classes),
    now: () => 0,
    hasRoom: ({ className }) => isOpen && !closed.has(className),
    workerCount: () => 1,
  });
  return {
    queue,
    closed,
    left,
    enter(family: string, tokenCount: number, name = family) {
      const request = {
        family,
        tokenCount,
        cachedTokens: () => 0,
        priorityJump: 0,
        strictPriority: 0,
      };
      return queue.enter(request, undefined).then(() => void left.push(name));
    },
    async letGo(count: number) {
      for (let i = 0; i < count; i++) {
        isOpen = true;
        queue.pump();
        isOpen = false;
        await Promise.resolve().then(() => {});
      }
      await new Promise((resolve) => setImmediate(resolve));
      return left;
    },
  };
}

test("the class follows from the family and from the uncached tokens", () => {
  const buckets = [
    { minTokens: 0, bucket: "short" },
    { minTokens: 100, bucket: "long" },
  ];
  const classes = ["a", "b"].flatMap((family) =>
    buckets.map(({ bucket }) => toClass(`${family} ${bucket}`, { family, bucket })),
  );
  const nameOf = (family: string | null, uncached: number) =>
    classOf({ defaultFamily: "a", buckets, classes }, family, () => uncached).className;
  expect(nameOf("b", 99)).toBe("b short");
  expect(nameOf("b", 100)).toBe("b long");
  expect(nameOf(null, 5_000)).toBe("a long");
  expect(nameOf("nobody", 0)).toBe("a short");
});

describe("lines", () => {
  test("share by their quanta of prompt tokens while both wait", async () => {
    const { enter, letGo } = startQueue(
      toClass("one", { quantum: 100 }),
      toClass("three", { quantum: 300 }),
    );
    for (let i = 0; i < 100; i++) {
      void enter("one", 100);
      void enter("three", 100);
    }
    const first = (await letGo(40)).slice();
    expect(first.filter((it) => it === "one")).toHaveLength(10);
  });

  test("of long prompts get their share of tokens too, and what they do not use is not kept", async () => {
    const { enter, letGo, left } = startQueue(toClass("long"), toClass("short"));
    for (let i = 0; i < 4; i++) void enter("long", 16_384);
    for (let i = 0; i < 64; i++) void enter("short", 1_024);
    await letGo(34);
    expect(left.filter((it) => it === "long")).toHaveLength(2);
    await letGo(34);
    expect(left).toHaveLength(68);
    // Alone for a while, then both: it has saved up nothing.
    for (let i = 0; i < 20; i++) void enter("short", 4_096, "alone");
    await letGo(20);
    for (let i = 0; i < 8; i++) {
      void enter("long", 4_096, "l");
      void enter("short", 4_096, "s");
    }
    const last = (await letGo(8)).slice(-8);
    expect(last.filter((it) => it === "l")).toHaveLength(4);
  });

  test("without room do not hold up the others", async () => {
    const { enter, letGo, closed } = startQueue(toClass("shut"), toClass("open"));
    closed.add("shut");
    for (let i = 0; i < 3; i++) void enter("shut", 10);
    for (let i = 0; i < 3; i++) void enter("open", 10);
    expect(await letGo(6)).toEqual(["open", "open", "open"]);
    closed.clear();
    expect((await letGo(3)).slice(3)).toEqual(["shut", "shut", "shut"]);
  });

  const seed = Number(process.env.FC_SEED ?? Date.now() & 0x7fffffff);
  test(`let everybody go, each in the order of its line (seed ${seed})`, async () => {
    const names = ["a", "b", "c"];
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ family: fc.constantFrom(...names), tokens: fc.nat({ max: 20_000 }) }),
          {
            minLength: 1,
            maxLength: 60,
          },
        ),
        fc.tuple(...names.map(() => fc.integer({ min: 1, max: 9_000 }))),
        async (requests, quanta) => {
          const classes = names.map((name, i) => toClass(name, { quantum: quanta[i]! }));
          const { enter, letGo, queue } = startQueue(...classes);
          for (const [i, { family, tokens }] of requests.entries()) {
            void enter(family, tokens, `${family}${i}`);
          }
          const left = await letGo(requests.length);
          expect(left).toHaveLength(requests.length);
          expect([queue.depth, queue.tokenCount]).toEqual([0, 0]);
          for (const family of names) {
            const its = requests.flatMap((it, i) =>
              it.family === family ? [`${family}${i}`] : [],
            );
            expect(left.filter((name) => name.startsWith(family))).toEqual(its);
          }
        },
      ),
      { seed, numRuns: 200 },
    );
  });
});
