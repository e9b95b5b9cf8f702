// A process that publishes numbered events over ZMQ until it is killed. Its argument is the folder of file discovery.
import { createPlanes, DistributedRuntime } from "@dyn/runtime";

const planes = await createPlanes({
  discoveryBackend: "file",
  fileKv: process.argv[2],
  eventPlane: "zmq",
  eventPlaneHost: "127.0.0.1",
});
const runtime = new DistributedRuntime(planes);
const scope = { namespace: "dynamo", component: "backend", endpoint: "generate" };
const publisher = await runtime.planes.eventPlane.createPublisher(scope, "chaos");
process.stdout.write(`publishing as ${publisher.publisherId}\n`);
setInterval(() => publisher.publish(Buffer.from("event")), 5);
