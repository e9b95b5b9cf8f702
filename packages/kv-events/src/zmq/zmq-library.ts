// ZeroMQ is native code: loaded when the first socket is made, so that hashing and the index need not have it.
import { UnavailableError } from "@dyn/protocol";

export type ZmqLibrary = typeof import("zeromq");

export async function loadZmq(): Promise<ZmqLibrary> {
  try {
    return await import("zeromq");
  } catch (cause) {
    throw new UnavailableError(
      "ZeroMQ cannot be loaded on this machine, and KV events of engines travel over it. Install a build of zeromq 6 for it.",
      { code: "DYN_KV_EVENTS_NO_ZMQ", cause },
    );
  }
}
