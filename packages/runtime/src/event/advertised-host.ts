import { networkInterfaces } from "node:os";

/** The first address of this machine that others may reach; the loopback address where there is none. */
export function findOwnAddress(interfaces = networkInterfaces()): string {
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  const outside = addresses.filter(({ internal }) => !internal);
  const found =
    outside.find(({ family }) => family === "IPv4") ??
    outside.find(({ address }) => !address.startsWith("fe80:"));
  return found?.address ?? "127.0.0.1";
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
