// How many events per second pass each event plane, publisher and subscriber in one process, against raw ZeroMQ PUB and
// SUB sockets that send the same four frames ready-made, in the same run.
// node --conditions=@dyn/source --import tsx packages/runtime/bench/event-planes.ts
import { createMemHub, type EventPlane, NatsEventPlane, ZmqEventPlane } from "@dyn/runtime";
import { NatsServer } from "@dyn/testing";
import * as zmq from "zeromq";

const messageCount = 100_000;
const payloadBytes = 188;
/** What version, length and the envelope's other keys add to a payload. */
const envelopeBytes = 85;
/** Published between two turns of the event loop, so that the subscriber keeps up and nothing is dropped. */
const burstCount = 500;
const roundCount = 5;
const scope = { namespace: "bench", component: "backend", endpoint: "generate" };
const payload = new Uint8Array(payloadBytes);

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const perSecond = (beganAt: number) => messageCount / ((performance.now() - beganAt) / 1000);

async function measurePlane(plane: EventPlane): Promise<number> {
  const publisher = await plane.createPublisher(scope, "events");
  const subscription = await plane.subscribe(scope, "events");
  await new Promise((resolve) => setTimeout(resolve, 200));
  const beganAt = performance.now();
  const publishing = (async () => {
    for (let i = 0; i < messageCount; i++) {
      publisher.publish(payload);
      if (i % burstCount === 0) await turn();
    }
  })();
  let count = 0;
  for await (const _ of subscription) if (++count === messageCount) break;
  await publishing;
  const rate = perSecond(beganAt);
  if (subscription.missedCount > 0)
    throw new Error(`${subscription.missedCount} events were lost.`);
  await plane.close();
  return rate;
}

async function measureRaw(): Promise<number> {
  const publisher = new zmq.Publisher({ sendHighWaterMark: 0, linger: 0 });
  const subscriber = new zmq.Subscriber({ receiveHighWaterMark: 0, linger: 0 });
  await publisher.bind("tcp://127.0.0.1:*");
  subscriber.connect(publisher.lastEndpoint!);
  subscriber.subscribe("events");
  await new Promise((resolve) => setTimeout(resolve, 200));
  const beganAt = performance.now();
  const number = Buffer.alloc(8);
  const body = Buffer.alloc(payloadBytes + envelopeBytes);
  const publishing = (async () => {
    for (let i = 0; i < messageCount; i++) await publisher.send(["events", number, number, body]);
  })();
  let count = 0;
  for await (const _ of subscriber) if (++count === messageCount) break;
  await publishing;
  const rate = perSecond(beganAt);
  publisher.close();
  subscriber.close();
  return rate;
}

const nats = await NatsServer.start();
const discovery = () => createMemHub().createPlanes().discovery;
const subjects: [name: string, measure: () => Promise<number>][] = [
  ["raw zeromq, 4 frames", measureRaw],
  ["zmq", () => measurePlane(new ZmqEventPlane({ discovery: discovery(), host: "127.0.0.1" }))],
  ["mem", () => measurePlane(createMemHub().createPlanes().eventPlane)],
];
if (nats !== null) {
  const connect = () => NatsEventPlane.connect({ servers: [nats.url], discovery: discovery() });
  subjects.push(["nats", async () => measurePlane(await connect())]);
}
console.log(`${messageCount} events of ${payloadBytes} bytes, median of ${roundCount} rounds`);
const rates = new Map<string, number[]>(subjects.map(([name]) => [name, []]));
for (let round = 0; round < roundCount; round++) {
  for (const [name, measure] of subjects) rates.get(name)!.push(await measure());
}
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const peer = median(rates.get("raw zeromq, 4 frames")!);
for (const [name, values] of rates) {
  const all = values.map((rate) => Math.round(rate / 1000)).join(", ");
  console.log(
    `${name}: ${Math.round(median(values) / 1000)} k/s, ${(median(values) / peer).toFixed(2)} x raw (${all})`,
  );
}
await nats?.close();
