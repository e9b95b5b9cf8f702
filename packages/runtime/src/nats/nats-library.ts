// The NATS client: loaded by those who connect, so that processes without NATS do not pay for it.
export type NatsLibrary = typeof import("@nats-io/transport-node");

export function loadNats(): Promise<NatsLibrary> {
  return import("@nats-io/transport-node");
}
