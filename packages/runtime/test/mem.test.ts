import { createMemHub } from "@dyn/runtime";
import { expect, test } from "vitest";
import { discoveryConformance } from "./conformance/discovery.ts";
import { eventPlaneConformance } from "./conformance/event-plane.ts";
import { requestPlaneConformance } from "./conformance/request-plane.ts";

/** Members that a conformance test makes belong to one hub, emptied when they close. */
const hub = createMemHub();

requestPlaneConformance("mem", async () => ({
  server: hub.createPlanes().requestPlane,
  client: hub.createPlanes().requestPlane,
}));
discoveryConformance("mem", async () => hub.createPlanes().discovery);
eventPlaneConformance("mem", async () => hub.createPlanes().eventPlane);

test("a slow event subscriber loses the oldest messages and counts them", async () => {
  const { MemEventPlane, MemTopics } = await import("../src/event/mem-event-plane.ts");
  const plane = new MemEventPlane({ topics: new MemTopics(), capacity: 3 });
  const scope = { namespace: "a", component: "b", endpoint: "c" };
  const subscription = await plane.subscribe(scope, "t");
  const publisher = await plane.createPublisher(scope, "t");
  for (let i = 0; i < 5; i++) publisher.publish(Uint8Array.of(i));
  expect(subscription.droppedCount).toBe(2);
  const first = await subscription[Symbol.asyncIterator]().next();
  expect(first.value.sequence).toBe(2);
  await plane.close();
});
