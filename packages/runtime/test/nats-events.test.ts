// The event plane over NATS: Dynamo 1.6.1's bytes, then a real nats-server.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemHub, NatsEventPlane } from "@dyn/runtime";
import { createTestCertificates, NatsServer } from "@dyn/testing";
import { connect, nkeys } from "@nats-io/transport-node";
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
    expect(problems).toEqual([expect.stringContaining("on big could not be sent")]);
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

describe("a server that asks who is there", () => {
  const folder = mkdtempSync(join(tmpdir(), "dyn-nats-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const scope = { namespace: "n", component: "c", endpoint: "e" };

  /** Starts one by its configuration; what connects as `good` passes events, what connects as `bad` does not connect. */
  async function admits(
    config: string,
    good: object,
    bad: object,
    onTestFinished: (action: () => Promise<void>) => void,
  ): Promise<boolean> {
    const file = join(folder, `${Math.random()}.conf`);
    writeFileSync(file, config);
    const guarded = await NatsServer.start(["--config", file]);
    if (guarded === null) return false;
    onTestFinished(() => guarded.close());
    const { discovery } = createMemHub().createPlanes();
    const open = (options: object) =>
      NatsEventPlane.connect({ discovery, servers: [guarded.url], ...options });
    await expect(open(bad)).rejects.toMatchObject({ code: "DYN_RUNTIME_NATS_UNREACHABLE" });
    const plane = await open(good);
    const subscription = await plane.subscribe(scope, "t");
    await meet(await plane.createPublisher(scope, "t"), subscription);
    // And again after a restart: the credentials are kept.
    await guarded.kill();
    await guarded.resume();
    await meet(await plane.createPublisher(scope, "t"), subscription);
    await plane.close();
    return true;
  }

  test("takes an nkey", async ({ skip, onTestFinished }) => {
    const [user, other] = [nkeys.createUser(), nkeys.createUser()];
    const config = `authorization: { users: [ { nkey: ${user.getPublicKey()} } ] }`;
    const seed = (pair: typeof user) => ({ nkeySeed: new TextDecoder().decode(pair.getSeed()) });
    if (!(await admits(config, seed(user), seed(other), onTestFinished))) skip();
  });

  test("takes a credentials file", async ({ skip, onTestFinished }) => {
    const [operator, account, user, stranger] = [
      nkeys.createOperator(),
      nkeys.createAccount(),
      nkeys.createUser(),
      nkeys.createAccount(),
    ];
    const accountJwt = signJwt(operator, account.getPublicKey(), {
      type: "account",
      limits: {
        subs: -1,
        data: -1,
        payload: -1,
        conn: -1,
        leaf: -1,
        imports: -1,
        exports: -1,
        wildcards: true,
      },
    });
    const limits = { subs: -1, data: -1, payload: -1 };
    const credentialsFile = (name: string, signer: typeof operator) => {
      const jwt = signJwt(signer, user.getPublicKey(), { type: "user", ...limits });
      const path = join(folder, name);
      const seed = new TextDecoder().decode(user.getSeed());
      writeFileSync(
        path,
        [
          "-----BEGIN NATS USER JWT-----",
          jwt,
          "------END NATS USER JWT------",
          "-----BEGIN USER NKEY SEED-----",
          seed,
          "------END USER NKEY SEED------",
          "",
        ].join("\n"),
      );
      return { credentialsFile: path };
    };
    const config = [
      `operator: ${signJwt(operator, operator.getPublicKey(), { type: "operator" })}`,
      "resolver: MEMORY",
      `resolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    ].join("\n");
    const [good, bad] = [credentialsFile("good", account), credentialsFile("bad", stranger)];
    if (!(await admits(config, good, bad, onTestFinished))) skip();
  });

  test("speaks TLS and wants a certificate", async ({ skip, onTestFinished }) => {
    const certificates = createTestCertificates();
    if (certificates === null) return skip();
    onTestFinished(certificates.remove);
    const { ca, serverCert, serverKey, clientCert, clientKey } = certificates;
    const config = `tls: { cert_file: "${serverCert}", key_file: "${serverKey}", ca_file: "${ca}", verify: true }`;
    const tls = { caFile: ca, certFile: clientCert, keyFile: clientKey };
    if (!(await admits(config, { tls }, { tls: { caFile: ca } }, onTestFinished))) skip();
  });
});

/** A token of NATS: claims about `subject`, signed by the one above it. */
function signJwt(
  signer: ReturnType<typeof nkeys.createUser>,
  subject: string,
  nats: Record<string, unknown>,
): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = encode({ typ: "JWT", alg: "ed25519-nkey" });
  const issuer = signer.getPublicKey();
  const claims = { jti: "1", iat: 1_700_000_000, iss: issuer, name: "test", sub: subject };
  const text = `${head}.${encode({ ...claims, nats: { ...nats, version: 2 } })}`;
  return `${text}.${Buffer.from(signer.sign(Buffer.from(text))).toString("base64url")}`;
}

async function subscriptionNext(
  subscription: AsyncIterable<{ sequence: number; publisherId: bigint }>,
) {
  for await (const event of subscription) return event;
  throw new Error("The subscription ended.");
}
