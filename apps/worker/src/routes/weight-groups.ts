// The trainers whose groups this engine has joined. What cannot be is an answer with `success: false`, as in the reference.
import { DynError, InvalidArgumentError } from "@dyn/protocol";
import { joinWeightGroup, tensorBytes, type WeightGroup } from "@dyn/weights";
import type { z } from "zod";
import {
  type FromDistributedBody,
  JoinGroupBody,
  LeaveGroupBody,
  parseBody,
} from "./route-bodies.ts";

const joinMs = 60_000;
const receiveMs = 600_000;
const maxGroups = 8;
/** An engine may compute with fewer bits than a trainer sends: four times as many bytes at the most, and half again. */
const mostPerWeightByte = 6;

export class WeightGroups {
  readonly #weightBytes: number;
  readonly #groups = new Map<string, WeightGroup>();
  readonly #end = new AbortController();

  constructor(weightBytes: number) {
    this.#weightBytes = weightBytes;
  }

  async join(body: unknown) {
    const asked = parseBody(JoinGroupBody, body);
    const { group_name: name, backend } = asked;
    return this.#answer(async () => {
      if (backend !== "tcp") {
        throw new InvalidArgumentError(
          `The backend ${backend} needs a GPU or torch, and this engine has neither: take "backend": "tcp", for which @dyn/weights sends.`,
          { param: "backend" },
        );
      }
      if (this.#groups.has(name)) {
        throw new InvalidArgumentError(
          `The group ${name} is joined already: leave it with destroy_weights_update_group first.`,
          { param: "group_name" },
        );
      }
      if (this.#groups.size >= maxGroups) {
        throw new InvalidArgumentError(
          `${maxGroups} groups are joined already: leave one with destroy_weights_update_group first.`,
          { param: "group_name" },
        );
      }
      const group = await joinWeightGroup({
        host: asked.master_address,
        port: asked.master_port,
        group: name,
        rank: asked.rank_offset,
        worldSize: asked.world_size,
        signal: AbortSignal.any([this.#end.signal, AbortSignal.timeout(joinMs)]),
      });
      this.#groups.set(name, group);
      return "Succeeded to initialize custom process group.";
    });
  }

  async leave(body: unknown) {
    const { group_name: name } = parseBody(LeaveGroupBody, body);
    return this.#answer(async () => {
      this.#get(name).close();
      this.#groups.delete(name);
      return "Succeeded to destroy custom process group.";
    });
  }

  /** The tensors that a body names, as a safetensors file. A group that failed once is left. */
  async receive(
    body: z.infer<typeof FromDistributedBody>,
  ): Promise<{ readonly file: Uint8Array } | { readonly message: string }> {
    const { names, dtypes, shapes, group_name: name } = body;
    let file: Uint8Array | null = null;
    const { message } = await this.#answer(async () => {
      const group = this.#get(name);
      if (dtypes.length !== names.length || shapes.length !== names.length) {
        throw new InvalidArgumentError(
          `names has ${names.length} entries, dtypes ${dtypes.length} and shapes ${shapes.length}: give one of each for every tensor.`,
          { param: "names" },
        );
      }
      const tensors = names.map((tensor, i) => ({
        name: tensor,
        dtype: dtypes[i]!,
        shape: shapes[i]!,
      }));
      const bytes = tensors.reduce((sum, { dtype, shape }) => sum + tensorBytes(dtype, shape), 0);
      if (bytes > this.#weightBytes * mostPerWeightByte) {
        throw new InvalidArgumentError(
          `The tensors have ${bytes} bytes and the model's weights ${this.#weightBytes}: they are not of this model.`,
          { param: "shapes" },
        );
      }
      try {
        const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(receiveMs)]);
        file = await group.receive(tensors, { signal });
      } catch (error) {
        group.close();
        this.#groups.delete(name);
        throw error;
      }
      return "";
    });
    return file === null ? { message } : { file };
  }

  close(): void {
    this.#end.abort();
    for (const group of this.#groups.values()) group.close();
    this.#groups.clear();
  }

  #get(name: string): WeightGroup {
    const group = this.#groups.get(name);
    if (group !== undefined) return group;
    throw new InvalidArgumentError(
      `This engine joins no process group ${name}: call init_weights_update_group first, with "backend": "tcp".`,
      { param: "group_name" },
    );
  }

  async #answer(run: () => Promise<string>): Promise<{ success: boolean; message: string }> {
    try {
      return { success: true, message: await run() };
    } catch (error) {
      if (DynError.is(error)) return { success: false, message: error.message };
      if (error instanceof DOMException && error.name === "TimeoutError") {
        return { success: false, message: "The trainer did not send all tensors in time." };
      }
      throw error;
    }
  }
}
