// TLS and mutual TLS on both legs, with certificates that openssl makes for this run.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlanes, type PlaneOptions, RequestContext, type RequestPlane } from "@dyn/runtime";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

const id = { namespace: "ns", component: "c", endpoint: "e" };
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const folder = mkdtempSync(join(tmpdir(), "dyn-tls-"));
const file = (name: string) => join(folder, name);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const openssl = (...args: string[]) =>
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function makeAuthority(name: string): void {
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.pem`,
  );
}

function makeCertificate(name: string, authority: string, altName: string): void {
  openssl(
    "req",
    ...newKey,
    "-subj",
    `/CN=${name}`,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
  );
  writeFileSync(file(`${name}.ext`), `subjectAltName=${altName}`);
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    `${authority}.pem`,
    "-CAkey",
    `${authority}.key`,
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.pem`,
  );
}

const tls = {
  tcpTlsCertPath: file("server.pem"),
  tcpTlsKeyPath: file("server.key"),
  tcpTlsCaCertPath: file("authority.pem"),
} as const;
const mutual = {
  ...tls,
  tcpTlsClientCaCertPath: file("clients.pem"),
  tcpTlsClientCertPath: file("client.pem"),
  tcpTlsClientKeyPath: file("client.key"),
} as const;

async function open(options: Partial<PlaneOptions>, problems: string[] = []) {
  const fileKv = mkdtempSync(join(folder, "kv-"));
  const planes = await createPlanes(
    { discoveryBackend: "file", fileKv, tcpConnectTimeout: 20, ...options },
    { onProblem: (message) => problems.push(message) },
  );
  cleanups.push(async () => {
    await planes.requestPlane.close();
    await planes.eventPlane.close();
    await planes.discovery.close();
  });
  return planes.requestPlane;
}

async function ask(worker: RequestPlane, caller: RequestPlane): Promise<unknown[]> {
  const served = await worker.serve(id, 1n, async function* (request) {
    for (let i = 0; i < 3; i++) yield { data: [request, i] };
  });
  const items: unknown[] = [];
  const instance = { id, instanceId: 1n, transport: served.transport };
  for await (const { data } of caller.call(instance, "x", new RequestContext())) items.push(data);
  return items;
}

const answer = [0, 1, 2].map((i) => ["x", i]);

describe.runIf(hasOpenssl)("TLS between processes", () => {
  beforeAll(() => {
    makeAuthority("authority");
    makeAuthority("clients");
    makeAuthority("stranger");
    makeCertificate("server", "authority", "IP:127.0.0.1");
    makeCertificate("named", "authority", "DNS:worker.example");
    makeCertificate("client", "clients", "DNS:client.example");
    makeCertificate("foreign", "stranger", "IP:127.0.0.1");
  });

  test("requests and answers pass under TLS and under mutual TLS", async () => {
    expect(await ask(await open(tls), await open(tls))).toEqual(answer);
    expect(await ask(await open(mutual), await open(mutual))).toEqual(answer);
  });

  test("a certificate for a name is taken when that name is asked for, and else is refused", async () => {
    const named = { ...tls, tcpTlsCertPath: file("named.pem"), tcpTlsKeyPath: file("named.key") };
    const expecting = { ...named, tcpTlsServerName: "worker.example" };
    expect(await ask(await open(expecting), await open(expecting))).toEqual(answer);
    await expect(ask(await open(named), await open(named))).rejects.toThrow("127.0.0.1");
  });

  test("a server of an unknown authority is refused, unless told to accept any", async () => {
    const foreign = {
      ...tls,
      tcpTlsCertPath: file("foreign.pem"),
      tcpTlsKeyPath: file("foreign.key"),
    };
    await expect(ask(await open(foreign), await open(tls))).rejects.toMatchObject({
      code: "DYN_RUNTIME_CANNOT_CONNECT",
      retryable: true,
    });
    const insecure = { ...tls, tcpTlsInsecure: true };
    expect(
      await ask(await open({ ...foreign, ...{ tcpTlsInsecure: true } }), await open(insecure)),
    ).toEqual(answer);
  });

  test("under mutual TLS a caller without a certificate is turned away, and the worker says so", async () => {
    const problems: string[] = [];
    const worker = await open(mutual, problems);
    await expect(ask(worker, await open(tls))).rejects.toMatchObject({
      status: 503,
      retryable: true,
    });
    await expect.poll(() => problems.join()).toContain("listener for requests");
  });

  test("a plain caller at a TLS worker: both sides say what is wrong", async () => {
    const problems: string[] = [];
    const worker = await open(tls, problems);
    await expect(ask(worker, await open({}))).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining("TLS"),
    });
    await expect.poll(() => problems.join()).toContain("DYN_TCP_TLS_*");
  });

  test("a TLS caller at a plain worker: both sides say what is wrong", async () => {
    const problems: string[] = [];
    const worker = await open({}, problems);
    await expect(ask(worker, await open(tls))).rejects.toMatchObject({
      code: "DYN_RUNTIME_CANNOT_CONNECT",
      message: expect.stringContaining("TLS"),
    });
    await expect.poll(() => problems.join()).toContain("speaks TLS to the port for requests");
  });

  test("half a pair and a missing file are named by their variables", async () => {
    await expect(open({ tcpTlsCaCertPath: file("authority.pem") })).rejects.toThrow(
      "DYN_TCP_TLS_CERT_PATH",
    );
    await expect(open({ ...tls, tcpTlsClientCertPath: file("client.pem") })).rejects.toThrow(
      "DYN_TCP_TLS_CLIENT_KEY_PATH",
    );
    await expect(open({ ...tls, tcpTlsKeyPath: file("nowhere.key") })).rejects.toThrow(
      "DYN_TCP_TLS_KEY_PATH",
    );
  });
});

test("openssl is there to make certificates", ({ skip }) => {
  if (!hasOpenssl) skip("openssl is missing: TLS between processes is not tested on this machine");
  expect(hasOpenssl).toBe(true);
});
