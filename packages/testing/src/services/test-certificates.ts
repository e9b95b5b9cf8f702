// Certificates of a test's own, made by openssl: an authority, a server for the loopback address, a client.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";

/** Paths of PEM files. */
export interface TestCertificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
  remove(): void;
}

/** `null` where openssl cannot be had. The client's common name is `commonName`. */
export function createTestCertificates(commonName = "dyn-client"): TestCertificates | null {
  const openssl = findProgram("openssl", "openssl");
  if (openssl === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "dyn-certificates-"));
  const path = (name: string) => join(folder, name);
  const run = (...args: string[]) => execFileSync(openssl, args, { cwd: folder, stdio: "pipe" });
  const key = (name: string) =>
    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
  key("ca");
  run(
    ...["req", "-x509", "-new", "-key", "ca.key", "-days", "2", "-subj", "/CN=dyn test authority"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", "ca.pem"],
  );
  const sign = (name: string, subject: string, extensions: string) => {
    key(name);
    writeFileSync(path(`${name}.ext`), extensions);
    run("req", "-new", "-key", `${name}.key`, "-subj", `/CN=${subject}`, "-out", `${name}.csr`);
    run(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-days", "2", "-extfile", `${name}.ext`, "-out", `${name}.pem`],
    );
  };
  // The server is also its own client inside etcd's gateway.
  sign(
    "server",
    "localhost",
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
  );
  sign("client", commonName, "extendedKeyUsage=clientAuth\n");
  return {
    ca: path("ca.pem"),
    serverCert: path("server.pem"),
    serverKey: path("server.key"),
    clientCert: path("client.pem"),
    clientKey: path("client.key"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
