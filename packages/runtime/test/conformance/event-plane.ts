import type {
  EndpointId,
  EventEnvelope,
  EventPlane,
  EventPublisher,
  EventSubscription,
} from "@dyn/runtime";
import { afterEach, describe, expect, test } from "vitest";

const scope: EndpointId = { namespace: "dyn", component: "backend", endpoint: "generate" };
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (envelope: EventEnvelope) => new TextDecoder().decode(envelope.payload);

async function repeat(action: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    action();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Publishes until the subscriber has heard one: on a wire the two find each other in their own time. */
export async function meet(
  publisher: EventPublisher,
  subscription: EventSubscription,
): Promise<EventEnvelope> {
  const met = new AbortController();
  const publishing = repeat(() => publisher.publish(bytes("meet")), met.signal);
  try {
    const iterator = subscription[Symbol.asyncIterator]();
    for (;;) {
      const next = await iterator.next();
      if (next.done) throw new Error("The subscription ended.");
      if (next.value.publisherId === publisher.publisherId) return next.value;
    }
  } finally {
    met.abort();
    await publishing;
  }
}

/** What every event plane must do. `create` gives one more member of the same deployment, `capacity` its bound. */
export function eventPlaneConformance(
  name: string,
  create: (options?: { readonly capacity?: number }) => Promise<EventPlane>,
): void {
  describe(`event plane ${name}`, () => {
    const open: EventPlane[] = [];
    const join = async (options?: { readonly capacity?: number }) => {
      const member = await create(options);
      open.push(member);
      return member;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((member) => member.close()));
    });

    test("a subscriber gets all messages of its topic and scope in order, numbered", async () => {
      const [a, b] = [await join(), await join()];
      const subscription = await b.subscribe(scope, "kv-events");
      const publisher = await a.createPublisher(scope, "kv-events");
      const first = await meet(publisher, subscription);
      const other = await a.createPublisher(scope, "kv_metrics");
      const elsewhere = await a.createPublisher({ ...scope, component: "prefill" }, "kv-events");
      other.publish(bytes("not mine"));
      elsewhere.publish(bytes("not mine either"));
      for (let i = 0; i < 50; i++) publisher.publish(bytes(String(i)));
      const seen: EventEnvelope[] = [first];
      for await (const envelope of subscription) {
        seen.push(envelope);
        if (text(envelope) === "49") break;
      }
      const events = seen.filter((envelope) => text(envelope) !== "meet");
      expect(events.map(text)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
      expect(seen.map((envelope) => envelope.sequence)).toEqual(
        seen.map((_, i) => first.sequence + i),
      );
      expect([subscription.missedCount, subscription.droppedCount]).toEqual([0, 0]);
      expect(seen.every(({ topic }) => topic === "kv-events")).toBe(true);
      expect(new Set(seen.map((envelope) => envelope.publisherId))).toEqual(
        new Set([publisher.publisherId]),
      );
    });

    test("a late subscriber sees the numbering go on, and counts nothing as missed", async () => {
      const a = await join();
      const publisher = await a.createPublisher(scope, "t");
      publisher.publish(bytes("missed"));
      const subscription = await a.subscribe(scope, "t");
      const first = await meet(publisher, subscription);
      expect(text(first)).toBe("meet");
      expect(first.sequence).toBeGreaterThan(0);
      expect(subscription.missedCount).toBe(0);
    });

    test("one subscriber hears every publisher, each numbered from its own zero", async () => {
      const [a, b] = [await join(), await join()];
      const subscription = await b.subscribe(scope, "t");
      const publishers = [await a.createPublisher(scope, "t"), await b.createPublisher(scope, "t")];
      const heard = new Set<bigint>();
      const stop = new AbortController();
      const publishing = repeat(() => {
        for (const publisher of publishers) publisher.publish(bytes("x"));
      }, stop.signal);
      for await (const { publisherId } of subscription) {
        heard.add(publisherId);
        if (heard.size === 2) break;
      }
      stop.abort();
      await publishing;
      expect(heard).toEqual(new Set(publishers.map(({ publisherId }) => publisherId)));
    });

    test("a closed publisher says nothing more, and a new one of the topic is heard", async () => {
      const [a, b] = [await join(), await join()];
      const subscription = await b.subscribe(scope, "t");
      const old = await a.createPublisher(scope, "t");
      await meet(old, subscription);
      await old.close();
      old.publish(bytes("too late"));
      const next = await a.createPublisher(scope, "t");
      const first = await meet(next, subscription);
      expect([text(first), first.publisherId]).toEqual(["meet", next.publisherId]);
    });

    test("a reader that is too slow loses the oldest, counted, and sees the newest in order", async () => {
      const [a, slow] = [await join(), await join({ capacity: 8 })];
      const subscription = await slow.subscribe(scope, "burst");
      const publisher = await a.createPublisher(scope, "burst");
      await expect
        .poll(() => {
          publisher.publish(bytes("x"));
          return subscription.droppedCount;
        })
        .toBeGreaterThan(3);
      const reader = subscription[Symbol.asyncIterator]();
      const sequences: number[] = [];
      while (sequences.length < 8) sequences.push((await reader.next()).value.sequence);
      expect(sequences).toEqual(sequences.map((_, i) => sequences[0]! + i));
      expect(sequences[0]).toBeGreaterThan(0);
    });

    test("a publisher that is closed twice, or after its plane, is closed", async () => {
      const a = await join();
      const publisher = await a.createPublisher(scope, "t");
      await Promise.all([publisher.close(), publisher.close()]);
      await a.close();
      await publisher.close();
    });

    test("closing a subscription ends its reader", async () => {
      const a = await join();
      const subscription = await a.subscribe(scope, "t");
      const reading = (async () => {
        for await (const _ of subscription);
      })();
      subscription.close();
      await reading;
    });
  });
}
