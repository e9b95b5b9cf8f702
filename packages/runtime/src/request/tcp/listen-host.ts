import { isIP } from "node:net";
import { isLoopback } from "../../event/advertised-host.ts";

/**
 * Where to listen so that others reach the advertised host: loopback stays loopback; any other name or address may
 * belong to a load balancer or a container's host, so all interfaces are listened on.
 */
export function listenHost(advertised: string): string {
  if (isLoopback(advertised)) return advertised;
  return isIP(advertised) === 6 ? "::" : "0.0.0.0";
}
