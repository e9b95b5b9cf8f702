import { createMemHub } from "@dyn/runtime";
import { MemEventPlane, MemTopics } from "../src/event/mem-event-plane.ts";
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
const topics = new MemTopics();
eventPlaneConformance("mem", async (options) => new MemEventPlane({ topics, ...options }));
