import type { GenerateOutput } from "@dyn/engine";
import fc from "fast-check";
import { expect, it } from "vitest";
import { flattenOutputs, unflattenOutputs } from "../src/thread/flat-outputs.ts";

const logprob = fc.record({
  logprob: fc.double({ noNaN: true }),
  top: fc.array(fc.record({ tokenId: fc.nat(), logprob: fc.double({ noNaN: true }) }), {
    maxLength: 2,
  }),
});

const output = fc.record({
  requestId: fc.constantFrom("a", "b", "c"),
  index: fc.nat({ max: 127 }),
  tokenIds: fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 3 }),
  logprobs: fc.option(fc.array(logprob, { maxLength: 3 })),
  promptLogprobs: fc.option(fc.array(fc.option(logprob), { maxLength: 3 })),
  finish: fc.constantFrom(null, { type: "length" } as const, { type: "stop", matched: 5 } as const),
  usage: fc.record({
    promptTokens: fc.constant(17),
    completionTokens: fc.nat(),
    cachedTokens: fc.nat(),
  }),
  samplerState: fc.record({
    seed: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    step: fc.nat(),
  }),
});

it("outputs cross a thread unchanged, those of unknown handles are passed over", () => {
  fc.assert(
    fc.property(fc.array(output, { maxLength: 12 }), (outputs: GenerateOutput[]) => {
      const handles = ["a", "b", "c"];
      const flat = structuredClone(flattenOutputs(outputs, (id) => handles.indexOf(id)));
      const received: GenerateOutput[] = [];
      unflattenOutputs(
        flat,
        (handle) => (handle === 2 ? undefined : { requestId: handles[handle]!, promptTokens: 17 }),
        (handle, one) => {
          expect(one.requestId).toBe(handles[handle]);
          received.push(one);
        },
      );
      expect(received).toEqual(outputs.filter(({ requestId }) => requestId !== "c"));
    }),
  );
});
