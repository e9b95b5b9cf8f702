// Addresses as SGLang makes them of one configured endpoint: a port or a name for each data-parallel rank.
import { InvalidArgumentError } from "@dyn/protocol";

const tcp = /^tcp:\/\/(.+):(\d+|\*)$/;

/** Whether a socket binds to the address; to any other it connects. */
export function isBound(endpoint: string): boolean {
  return /\*|::|0\.0\.0\.0/.test(endpoint) || /^(ipc|inproc):\/\//.test(endpoint);
}

/** The address of one rank: the port moves by the rank, an inproc name gets a suffix. */
export function toRankEndpoint(endpoint: string, dpRank: number): string {
  if (dpRank === 0) return endpoint;
  if (endpoint.startsWith("inproc://")) return `${endpoint}_dp${dpRank}`;
  const [, host, port] = endpoint.match(tcp) ?? [];
  if (host === undefined || port === undefined) {
    throw new InvalidArgumentError(
      `The endpoint ${endpoint} has no place for rank ${dpRank}; give tcp://HOST:PORT or inproc://NAME when there are several ranks.`,
      { param: "kv_events_config.endpoint" },
    );
  }
  // A port that the system picks is another one for each rank anyway.
  if (port === "*" || port === "0") return endpoint;
  const moved = Number(port) + dpRank;
  if (moved > 65_535) {
    throw new InvalidArgumentError(
      `The endpoint ${endpoint} gives rank ${dpRank} the port ${moved}; the last one is 65535.`,
      { param: "kv_events_config.endpoint" },
    );
  }
  return `tcp://${host}:${moved}`;
}

/** Where to connect on this machine to reach what was bound. */
export function toLocalEndpoint(endpoint: string): string {
  return endpoint.replace(/^tcp:\/\/(\*|0\.0\.0\.0|\[?::\]?):/, "tcp://127.0.0.1:");
}

/** Whether the address has a form that a socket takes. */
export function isEndpoint(endpoint: string): boolean {
  const port = endpoint.match(tcp)?.[2];
  if (port !== undefined) return port === "*" || Number(port) <= 65_535;
  return /^(ipc|inproc):\/\/.+/.test(endpoint);
}
