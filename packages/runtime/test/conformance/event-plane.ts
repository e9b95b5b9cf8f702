import type { EndpointId, EventEnvelope, EventPlane } from "@dyn/runtime";
import { afterEach, describe, expect, test } from "vitest";

const scope: EndpointId = { namespace: "dyn", component: "backend", endpoint: "generate" };
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (envelope: EventEnvelope) => new TextDecoder().decode(envelope.payload);

/** What every event plane must do. `create` gives one more member of the same deployment. */
export function eventPlaneConformance(name: string, create: () => Promise<EventPlane>): void {
  describe(`event plane ${name}`, () => {
    const open: EventPlane[] = [];
    const join = async () => {
      const member = await create();
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
      const other = await a.createPublisher(scope, "kv_metrics");
      const elsewhere = await a.createPublisher({ ...scope, component: "prefill" }, "kv-events");
      other.publish(bytes("not mine"));
      elsewhere.publish(bytes("not mine either"));
      for (let i = 0; i < 50; i++) publisher.publish(bytes(String(i)));
      const seen: EventEnvelope[] = [];
      for await (const envelope of subscription) {
        seen.push(envelope);
        if (seen.length === 50) break;
      }
      expect(seen.map(text)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
      expect(seen.map((envelope) => envelope.sequence)).toEqual(seen.map((_, i) => i));
      expect(new Set(seen.map((envelope) => envelope.publisherId))).toEqual(
        new Set([publisher.publisherId]),
      );
    });

    test("a late subscriber sees the numbering go on", async () => {
      const a = await join();
      const publisher = await a.createPublisher(scope, "t");
      publisher.publish(bytes("missed"));
      const subscription = await a.subscribe(scope, "t");
      publisher.publish(bytes("seen"));
      for await (const envelope of subscription) {
        expect([text(envelope), envelope.sequence]).toEqual(["seen", 1]);
        break;
      }
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
