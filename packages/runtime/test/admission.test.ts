import { AdmissionGate, type AdmissionPlace } from "@dyn/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";

test("whatever comes and goes: no more run than may, first come first served, every place is given back", async () => {
  const step = fc.oneof(
    fc.constant({ kind: "enter" } as const),
    fc.record({ kind: fc.constant("leave" as const), at: fc.nat() }),
    fc.record({ kind: fc.constant("abort" as const), at: fc.nat() }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.array(step, { maxLength: 60 }),
      async (runningLimit, queueLimit, steps) => {
        const gate = new AdmissionGate({ runningLimit, queueLimit });
        // The same by hand: who runs and who waits, in the order of arrival.
        let running: number[] = [];
        let waiting: number[] = [];
        let refused = 0;
        const places: { place: AdmissionPlace; abort: AbortController }[] = [];
        const turns: number[] = [];
        const promote = () => {
          while (running.length < runningLimit && waiting.length > 0)
            running.push(waiting.shift()!);
        };
        for (const action of steps) {
          if (action.kind === "enter") {
            const place = gate.enter();
            if (running.length + waiting.length === runningLimit + queueLimit) {
              expect(place).toBeNull();
              refused += 1;
            } else {
              const number = places.length;
              const abort = new AbortController();
              places.push({ place: place!, abort });
              place!.turn(abort.signal).then(
                () => turns.push(number),
                () => {},
              );
              waiting.push(number);
            }
          } else if (places.length > 0) {
            const number = action.at % places.length;
            const { place, abort } = places[number]!;
            if (action.kind === "abort" && waiting.includes(number)) abort.abort();
            else place.leave();
            running = running.filter((other) => other !== number);
            waiting = waiting.filter((other) => other !== number);
          }
          promote();
          await new Promise((resolve) => setImmediate(resolve));
          expect([gate.runningCount, gate.waitingCount]).toEqual([running.length, waiting.length]);
          for (const number of running) expect(turns).toContain(number);
          for (const number of waiting) expect(turns).not.toContain(number);
        }
        expect(gate.refusedCount).toBe(refused);
        for (const { place } of places) place.leave();
        expect([gate.runningCount, gate.waitingCount]).toEqual([0, 0]);
        expect(turns).toEqual([...turns].sort((a, b) => a - b));
      },
    ),
    { numRuns: 200 },
  );
});
