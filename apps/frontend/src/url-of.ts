import type { FrontendArgs } from "@dyn/args";

/** Where a client on this machine reaches the port. */
export function urlOf({ values }: FrontendArgs, port: number): string {
  const { host, tlsCertPath } = values.http;
  return `${tlsCertPath === undefined ? "http" : "https"}://${clientHost(host)}:${port}`;
}

/** A socket that listens everywhere is reached as localhost. */
function clientHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
