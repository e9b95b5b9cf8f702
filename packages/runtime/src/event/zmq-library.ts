// ZeroMQ is native code: loaded when the first socket is made, so that processes without one need not have it.
import { UnavailableError } from "@dyn/protocol";

export type ZmqLibrary = typeof import("zeromq");

export async function loadZmq(): Promise<ZmqLibrary> {
  try {
    return await import("zeromq");
  } catch (cause) {
    throw new UnavailableError(
      "ZeroMQ cannot be loaded on this machine. Give --event-plane nats, or install a build of zeromq 6 for it.",
      { code: "DYN_RUNTIME_NO_DRIVER", cause },
    );
  }
}
