// The engine's side: joins a trainer's group, then takes the tensors that an update names.
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { InvalidArgumentError, UnavailableError } from "@dyn/protocol";
import { protocolName, TensorLine, type TensorShape, toLine, Welcome } from "../wire/messages.ts";
import { SocketReader } from "../wire/socket-reader.ts";
import { tensorBytes, tensorType } from "../wire/tensor-types.ts";

/** A trainer may begin to listen after its engines were told of it. */
const retryMs = 200;
const idleMs = 120_000;

export interface JoinOptions {
  readonly host: string;
  readonly port: number;
  readonly group: string;
  /** Of this engine; the trainer is 0. */
  readonly rank: number;
  /** Trainer and engines together. */
  readonly worldSize: number;
  /** Until the whole group has come. */
  readonly signal: AbortSignal;
}

export interface WeightGroup {
  /**
   * The next tensors that the trainer sends, as one safetensors file. They must be these, in this order. After any error
   * the group is of no use any more.
   */
  receive(tensors: readonly TensorShape[], options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  close(): void;
}

/** Throws UnavailableError when the trainer does not answer in time, InvalidArgumentError when it refuses this engine. */
export async function joinWeightGroup(options: JoinOptions): Promise<WeightGroup> {
  const { group, rank, worldSize, signal } = options;
  const socket = await connectUntil(options);
  const reader = new SocketReader(socket, { idleMs });
  try {
    socket.write(toLine({ protocol: protocolName, group, rank, world_size: worldSize }));
    const { ok, message } = await reader.readMessage(Welcome, signal);
    if (!ok) {
      throw new InvalidArgumentError(
        `The trainer at ${options.host}:${options.port} refused: ${message ?? "it gave no reason."}`,
      );
    }
  } catch (error) {
    socket.destroy();
    if (!signal.aborted) throw error;
    throw new UnavailableError(
      `Not everybody of the group ${group} (${worldSize} with the trainer) came in time.`,
      { code: "DYN_WEIGHTS_JOIN", cause: error },
    );
  }
  return {
    receive: (tensors, { signal: ended } = {}) => receive(reader, tensors, ended),
    close: () => socket.destroy(),
  };
}

async function connectUntil({ host, port, signal }: JoinOptions): Promise<Socket> {
  for (let last: unknown; ; ) {
    if (signal.aborted) {
      throw new UnavailableError(
        `No trainer listens on ${host}:${port} (master_address, master_port).`,
        { code: "DYN_WEIGHTS_JOIN", cause: last },
      );
    }
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({ host, port });
        // Of the connecting alone: once it is there its end is the group's.
        const giveUp = () => socket.destroy(new Error("The time is over."));
        signal.addEventListener("abort", giveUp, { once: true });
        const fail = (error: Error) => {
          signal.removeEventListener("abort", giveUp);
          reject(error);
        };
        socket.once("error", fail);
        socket.once("connect", () => {
          signal.removeEventListener("abort", giveUp);
          socket.off("error", fail);
          resolve(socket);
        });
      });
    } catch (error) {
      last = error;
      // Over when the time is: the loop says so.
      await wait(retryMs, undefined, { signal }).catch(() => {});
    }
  }
}

async function receive(
  reader: SocketReader,
  tensors: readonly TensorShape[],
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const header: Record<string, object> = {};
  let size = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = size + tensorBytes(dtype, shape);
    header[name] = {
      dtype: tensorType(dtype).safetensors,
      shape,
      data_offsets: [size, end],
    };
    size = end;
  }
  // A header ends on eight bytes.
  const text = JSON.stringify(header);
  const head = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const file = new Uint8Array(8 + head.length + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  let at = 8 + head.length;
  for (const tensor of tensors) {
    const sent = await reader.readMessage(TensorLine, signal);
    const bytes = tensorBytes(tensor.dtype, tensor.shape);
    if (!isSame(tensor, sent) || sent.bytes !== bytes) {
      throw new InvalidArgumentError(
        `The trainer sent ${describe(sent)} where the request names ${describe(tensor)}: both must name the same tensors in the same order.`,
        { param: "names" },
      );
    }
    await reader.readInto(file.subarray(at, at + bytes), signal);
    at += bytes;
  }
  return file;
}

function isSame(one: TensorShape, other: TensorShape): boolean {
  return (
    one.name === other.name &&
    tensorType(one.dtype) === tensorType(other.dtype) &&
    one.shape.join() === other.shape.join()
  );
}

function describe({ name, dtype, shape }: TensorShape): string {
  return `${name} (${dtype} [${shape.join(", ")}])`;
}
