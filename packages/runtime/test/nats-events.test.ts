// The event plane over NATS: Dynamo 1.6.1's bytes, then a real nats-server.
import { readFileSync } from "node:fs";
import { createMemHub, NatsEventPlane } from "@dyn/runtime";
import { NatsServer } from "@dyn/testing";
import { connect } from "@nats-io/transport-node";
import { afterAll, describe, expect, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "../src/event/envelope-codec.ts";
import { eventPlaneConformance, meet } from "./conformance/event-plane.ts";

interface Recorded {
  readonly subject: string;
  readonly body_hex: string;
  readonly envelope: {
    publisher_id: number;
    sequence: number;
    published_at: number;
    topic: string;
  };
}
const recorded = JSON.parse(
  readFileSync(new URL("./fixtures/events/nats-messages.json", import.meta.url), "utf8"),
) as Recorded[];

test.each(recorded.map((vector, index) => [index, vector] as const))(
  "recorded message %i is read and written as recorded",
  (_, { body_hex, envelope }) => {
    const decoded = decodeEnvelope(Buffer.from(body_hex, "hex"));
    expect({ ...decoded, payload: null }).toEqual({
      publisherId: BigInt(envelope.publisher_id),
      sequence: envelope.sequence,
      publishedAtMs: envelope.published_at,
      topic: envelope.topic,
      payload: null,
    });
    expect(Buffer.from(encodeEnvelope(decoded)).toString("hex")).toBe(body_hex);
  },
);

test("an address where no NATS is says so", async () => {
  const { discovery } = createMemHub().createPlanes();
  const servers = ["nats://127.0.0.1:1"];
  await expect(NatsEventPlane.connect({ discovery, servers })).rejects.toThrow(
    "NATS at nats://127.0.0.1:1 takes no connection",
  );
});

const server = await NatsServer.start();

describe.skipIf(server === null)("nats", () => {
  const nats = server!;
  const servers = [nats?.url ?? ""];
  const hub = createMemHub();
  const create = (options: object = {}) =>
    NatsEventPlane.connect({ servers, discovery: hub.createPlanes().discovery, ...options });
  const scope = { namespace: "natns", component: "backend", endpoint: "generate" };
  afterAll(() => nats.close());

  eventPlaneConformance("nats", create);

  test("the subject is the reference's, and a recorded message is an event of it", async () => {
    const vector = recorded[0]!;
    const plane = await create();
    const subscription = await plane.subscribe(scope, vector.envelope.topic);
    const foreign = await connect({ servers });
    foreign.publish(vector.subject, "garbage");
    foreign.publish(vector.subject, Buffer.from(vector.body_hex, "hex"));
    const next = await subscription[Symbol.asyncIterator]().next();
    expect(next.value.publisherId).toBe(BigInt(vector.envelope.publisher_id));
    expect(subscription.rejectedCount).toBe(1);
    await foreign.close();
    await plane.close();
  });

  test("a publisher stands in discovery with its subject, without headers on the wire", async () => {
    const plane = await create();
    const foreign = await connect({ servers });
    const heard = foreign.subscribe(
      "namespace.natns.component.backend.endpoint.generate.kv-events",
    );
    await foreign.flush();
    const publisher = await plane.createPublisher(scope, "kv-events");
    expect(await hub.createPlanes().discovery.list("v1/event_channels")).toMatchObject([
      {
        publisherId: publisher.publisherId,
        transport: {
          kind: "nats",
          subjectPrefix: "namespace.natns.component.backend.endpoint.generate",
        },
      },
    ]);
    publisher.publish(Uint8Array.of(1));
    for await (const message of heard) {
      expect([message.headers, message.reply]).toEqual([undefined, ""]);
      break;
    }
    await foreign.close();
    await plane.close();
    expect(await hub.createPlanes().discovery.list("v1/event_channels")).toEqual([]);
  });

  test("a server that restarts costs what was said meanwhile beyond the bound, and nothing after", async () => {
    const [a, b] = [await create({ capacity: 5 }), await create()];
    const subscription = await b.subscribe(scope, "restart");
    const publisher = await a.createPublisher(scope, "restart");
    await meet(publisher, subscription);
    await nats.kill();
    // The publisher notices in its own time; from then on five wait and the rest is dropped.
    await expect
      .poll(() => {
        publisher.publish(Uint8Array.of(1));
        return publisher.droppedCount;
      })
      .toBeGreaterThan(5);
    await nats.resume();
    const again = await b.subscribe(scope, "restart");
    await meet(publisher, again);
    const back = await subscriptionNext(subscription);
    expect(back.publisherId).toBe(publisher.publisherId);
    await Promise.all([a.close(), b.close()]);
  });

  test("an event over the server's limit is dropped and counted, the next one is heard", async () => {
    const problems: string[] = [];
    const plane = await create({ onProblem: (message: string) => problems.push(message) });
    const subscription = await plane.subscribe(scope, "big");
    const publisher = await plane.createPublisher(scope, "big");
    publisher.publish(new Uint8Array(2 * 1024 * 1024));
    publisher.publish(Uint8Array.of(1));
    expect((await subscriptionNext(subscription)).sequence).toBe(1);
    expect(publisher.droppedCount).toBe(1);
    expect(problems).toEqual([expect.stringContaining(".big could not be sent")]);
    await plane.close();
  });
});

test("user and password, or a token, open a server that asks for them", async ({
  skip,
  onTestFinished,
}) => {
  const guarded = await NatsServer.start(["--user", "me", "--pass", "secret"]);
  const byToken = await NatsServer.start(["--auth", "opensesame"]);
  if (guarded === null || byToken === null) return skip();
  onTestFinished(async () => {
    await Promise.all([guarded.close(), byToken.close()]);
  });
  const { discovery } = createMemHub().createPlanes();
  const servers = [guarded.url];
  await expect(NatsEventPlane.connect({ discovery, servers })).rejects.toMatchObject({
    code: "DYN_RUNTIME_NATS_UNREACHABLE",
  });
  const planes = [
    await NatsEventPlane.connect({ discovery, servers, username: "me", password: "secret" }),
    await NatsEventPlane.connect({ discovery, servers: [byToken.url], token: "opensesame" }),
  ];
  await Promise.all(planes.map((plane) => plane.close()));
});

async function subscriptionNext(
  subscription: AsyncIterable<{ sequence: number; publisherId: bigint }>,
) {
  for await (const event of subscription) return event;
  throw new Error("The subscription ended.");
}
