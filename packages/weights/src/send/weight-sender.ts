// The trainer's side: waits for its engines, then sends each tensor to all of them.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { DynError, InvalidArgumentError, UnavailableError } from "@dyn/protocol";
import { defaultGroupName, Hello, type TensorShape, toLine } from "../wire/messages.ts";
import { SocketReader } from "../wire/socket-reader.ts";
import { tensorBytes } from "../wire/tensor-types.ts";

/** From a connection until it has said who it is. */
const helloMs = 10_000;

export interface SentTensor extends TensorShape {
  /** Little-endian, row-major. */
  readonly data: Uint8Array;
}

export interface WeightSender {
  /** `master_port` of the engines. */
  readonly port: number;
  /** Resolves when every engine of the group has come. */
  joined(options: { readonly signal: AbortSignal }): Promise<void>;
  /** To all engines at the pace of the slowest. Throws UnavailableError when one is gone. */
  send(tensors: readonly SentTensor[], options: { readonly signal: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** `worldSize`: this trainer and its engines, whose ranks are 1 to worldSize - 1. */
export async function createWeightSender(options: {
  readonly worldSize: number;
  readonly host?: string;
  /** Default any free one. */
  readonly port?: number;
  readonly group?: string;
}): Promise<WeightSender> {
  const { worldSize, host = "127.0.0.1", port = 0, group = defaultGroupName } = options;
  if (!Number.isInteger(worldSize) || worldSize < 2) {
    throw new InvalidArgumentError(
      `worldSize is ${worldSize}: a trainer and at least one engine make 2.`,
      { param: "worldSize" },
    );
  }
  const engines = new Map<number, Socket>();
  const open = new Set<Socket>();
  const waiting = new Set<() => void>();
  const refuse = ({ rank, world_size, ...hello }: Hello): string | null => {
    if (hello.group !== group) return `this is the group ${group}, not ${hello.group}.`;
    if (world_size !== worldSize) return `world_size is ${worldSize} here, not ${world_size}.`;
    if (rank >= worldSize) return `rank ${rank} is none of 1 to ${worldSize - 1}.`;
    return engines.has(rank) ? `rank ${rank} is here already.` : null;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const reader = new SocketReader(socket, { idleMs: helloMs });
    reader
      .readMessage(Hello)
      .then((hello) => {
        const message = refuse(hello);
        if (message !== null) {
          socket.end(toLine({ ok: false, message }));
          return;
        }
        engines.set(hello.rank, socket);
        socket.once("close", () => engines.delete(hello.rank));
        if (engines.size < worldSize - 1) return;
        for (const engine of engines.values()) engine.write(toLine({ ok: true }));
        for (const tell of waiting) tell();
      })
      // Who says nothing that can be read is none of the group.
      .catch((error: unknown) => {
        const message = DynError.is(error) ? error.message : String(error);
        socket.end(toLine({ ok: false, message }));
      })
      // Nothing more is said; whether it is still there is only heard by reading on.
      .finally(() => socket.resume());
  });
  // Ranks, and as many that are refused.
  server.maxConnections = 2 * worldSize;
  server.listen(port, host);
  await once(server, "listening");
  const isComplete = () => engines.size === worldSize - 1;

  return {
    port: (server.address() as AddressInfo).port,
    joined: async ({ signal }) => {
      while (!isComplete()) {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const done = () => {
            waiting.delete(done);
            signal.removeEventListener("abort", onAbort);
            resolve();
          };
          const onAbort = () => {
            waiting.delete(done);
            reject(signal.reason);
          };
          waiting.add(done);
          signal.addEventListener("abort", onAbort, { once: true });
        });
      }
    },
    send: async (tensors, { signal }) => {
      for (const { data, ...tensor } of tensors) {
        const bytes = tensorBytes(tensor.dtype, tensor.shape);
        if (data.length !== bytes) {
          throw new InvalidArgumentError(
            `${tensor.name} has ${data.length} bytes; ${tensor.dtype} [${tensor.shape.join(", ")}] has ${bytes}.`,
            { param: tensor.name },
          );
        }
        if (!isComplete()) throw left(group);
        const line = toLine({ ...tensor, shape: [...tensor.shape], bytes });
        await Promise.all(
          [...engines.values()].map(async (engine) => {
            engine.write(line);
            if (!engine.write(data)) await drained(engine, group, signal);
          }),
        );
      }
    },
    close: async () => {
      for (const socket of open) {
        if ([...engines.values()].includes(socket)) socket.destroySoon();
        else socket.destroy();
      }
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function drained(socket: Socket, group: string, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  try {
    const closed = once(socket, "close", { signal: both }).then(() => {
      throw left(group);
    });
    await Promise.race([once(socket, "drain", { signal: both }), closed]);
  } finally {
    over.abort();
  }
}

function left(group: string): UnavailableError {
  return new UnavailableError(
    `An engine of the group ${group} is gone: destroy the group on the others and make a new one.`,
    { code: "DYN_WEIGHTS_CONNECTION" },
  );
}
