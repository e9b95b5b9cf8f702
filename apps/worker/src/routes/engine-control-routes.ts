// The engine's routes: paths, bodies and answers of the reference over the engine's own commands. One runs at a time.
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Engine,
  type EngineCommand,
  type EngineControlState,
  type MemoryTag,
  memoryTags,
} from "@dyn/engine";
import type { EngineRoute } from "@dyn/health";
import type { Logger } from "@dyn/logging";
import { DynError, InvalidArgumentError } from "@dyn/protocol";
import type { engineRouteNames } from "./engine-route-names.ts";
import {
  ContinueBody,
  FlushBody,
  FromDiskBody,
  FromDistributedBody,
  FromTensorBody,
  MemoryBody,
  PauseBody,
  ProfileBody,
  parseBody,
  VersionBody,
} from "./route-bodies.ts";
import { WeightGroups } from "./weight-groups.ts";
import type { WeightVersion } from "./weight-version.ts";

const ok = { status: "ok" } as const;
/** Characters that file names take everywhere. */
const fileName = /^[\w.-]+$/;
const flushPollMs = 20;

export class EngineControlRoutes {
  /** By path below /engine/. */
  readonly routes: ReadonlyMap<string, EngineRoute>;
  readonly #engine: Engine;
  readonly #logger: Logger;
  readonly #weightVersion: WeightVersion;
  readonly #groups: WeightGroups;
  /** Traffic is let in or kept away: told after each command that may change it. */
  readonly #onPaused: (isPaused: boolean) => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();
  #isPaused = false;
  #isReleased = false;
  #isProfiling = false;

  constructor(options: {
    readonly engine: Engine;
    readonly logger: Logger;
    /** Read by others. */
    readonly weightVersion: WeightVersion;
    readonly onPaused: (isPaused: boolean) => Promise<void>;
  }) {
    this.#engine = options.engine;
    this.#logger = options.logger;
    this.#weightVersion = options.weightVersion;
    this.#onPaused = options.onPaused;
    this.#groups = new WeightGroups(options.engine.info.weightBytes);
    // As releases before 1.6 had them, and as that one has them.
    const both: Record<(typeof engineRouteNames)[number], EngineRoute> = {
      start_profile: (body) => this.#startProfile(body),
      stop_profile: () => this.#stopProfile(),
      update_weights_from_disk: (body) => this.#fromDisk(body),
      update_weights_from_tensor: (body) => this.#fromTensor(body),
      init_weights_update_group: (body) => this.#groups.join(body),
      destroy_weights_update_group: (body) => this.#groups.leave(body),
      update_weights_from_distributed: (body) => this.#fromDistributed(body),
      update_weights_from_distributor: (body) => this.#fromDistributed(body),
      update_weights_from_ipc: () => noHandles,
      update_weight_version: (body) => this.#setVersion(body),
      get_weight_version: () => ({ weight_version: this.#weightVersion.current }),
      pause_generation: (body) => this.#pause(body),
      continue_generation: (body) => this.#continue(body),
      release_memory_occupation: (body) => this.#release(body),
      resume_memory_occupation: (body) => this.#resume(body),
      flush_cache: (body) => this.#flush(body),
    };
    this.routes = new Map(
      Object.entries(both).flatMap(([name, route]) => {
        const alone: EngineRoute = (body) => this.#alone(name, () => route(body));
        return [
          [name, alone],
          [`control/${name}`, alone],
        ];
      }),
    );
  }

  /** It computes nothing because it was told so. */
  get isHalted(): boolean {
    return this.#isPaused || this.#isReleased;
  }

  close(): void {
    this.#groups.close();
  }

  #alone(name: string, run: () => unknown): Promise<unknown> {
    const done = this.#last.then(async () => {
      this.#logger.info("engine route", { route: name });
      return run();
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async #tell(command: EngineCommand): Promise<EngineControlState> {
    const state = await this.#engine.control(command);
    this.#isReleased = state.released.length > 0;
    if (state.isPaused !== this.#isPaused) {
      this.#isPaused = state.isPaused;
      await this.#onPaused(state.isPaused);
    }
    return state;
  }

  async #pause(body: unknown) {
    await this.#tell({ type: "pause", ...parseBody(PauseBody, body) });
    return ok;
  }

  async #continue(body: unknown) {
    parseBody(ContinueBody, body);
    await this.#tell({ type: "continue" });
    return ok;
  }

  async #release(body: unknown) {
    await this.#tell({ type: "releaseMemory", tags: readTags(body) });
    return ok;
  }

  async #resume(body: unknown) {
    await this.#tell({ type: "resumeMemory", tags: readTags(body) });
    return ok;
  }

  /** SGLang's own: with a timeout it waits for what runs. */
  async #flush(body: unknown) {
    const { timeout = 0 } = parseBody(FlushBody, body);
    const end = performance.now() + timeout * 1000;
    for (;;) {
      if (await this.#engine.flushCache()) return { status: "success", message: "Cache flushed." };
      if (performance.now() >= end) {
        return {
          status: "error",
          message: "Requests are running or waiting; ask again, or give a timeout in seconds.",
        };
      }
      await new Promise((resolve) => setTimeout(resolve, flushPollMs));
    }
  }

  async #fromDisk(body: unknown) {
    const asked = parseBody(FromDiskBody, body);
    return this.#loadWeights(
      { kind: "directory", path: asked.model_path },
      {
        abortRequests: asked.abort_all_requests ?? false,
        flushCache: asked.flush_cache ?? true,
        version: asked.weight_version ?? null,
      },
    );
  }

  async #fromDistributed(body: unknown) {
    const asked = parseBody(FromDistributedBody, body);
    const received = await this.#groups.receive(asked);
    if ("message" in received) return { success: false, message: received.message };
    const { success, message } = await this.#loadWeights(
      { kind: "tensors", files: [received.file] },
      {
        abortRequests: asked.abort_all_requests ?? false,
        flushCache: asked.flush_cache ?? true,
        version: asked.weight_version ?? null,
      },
    );
    return { success, message };
  }

  async #fromTensor(body: unknown) {
    const asked = parseBody(FromTensorBody, body);
    const { load_format: format, selector } = asked;
    if (format != null && format !== "auto" && format !== "safetensors") {
      throw new InvalidArgumentError(
        `load_format is ${JSON.stringify(format)}; tensors come as safetensors files in base64 here: leave it out.`,
        { param: "load_format" },
      );
    }
    if (selector === "draft") {
      throw new InvalidArgumentError(
        "There is no draft model whose weights could be updated; take selector target.",
        { param: "selector" },
      );
    }
    const { success, message } = await this.#loadWeights(
      {
        kind: "tensors",
        files: asked.serialized_named_tensors.map((each) => Buffer.from(each, "base64")),
      },
      {
        abortRequests: asked.abort_all_requests ?? false,
        flushCache: asked.flush_cache ?? true,
        version: asked.weight_version ?? null,
      },
    );
    return { success, message };
  }

  /** What the weights are not fit for is an answer, as in the reference, and no error. */
  async #loadWeights(
    source: (EngineCommand & { type: "loadWeights" })["source"],
    options: { abortRequests: boolean; flushCache: boolean; version: string | null },
  ) {
    const { abortRequests, flushCache, version } = options;
    try {
      const state = await this.#tell({ type: "loadWeights", source, abortRequests, flushCache });
      if (version !== null) this.#weightVersion.current = version;
      return {
        success: true,
        message: "Succeeded to update model weights.",
        num_paused_requests: state.pausedRequests,
      };
    } catch (error) {
      if (!DynError.is(error)) throw error;
      this.#logger.warn("weights were not updated", { error: error.message });
      return { success: false, message: error.message, num_paused_requests: 0 };
    }
  }

  #setVersion(body: unknown) {
    const { new_version, abort_all_requests } = parseBody(VersionBody, body);
    if (abort_all_requests ?? true) this.#engine.abortAll("The weight version changed.");
    this.#weightVersion.current = new_version;
    return { success: true, message: `Weight version updated to ${new_version}`, new_version };
  }

  async #startProfile(body: unknown) {
    const asked = parseBody(ProfileBody, body);
    const id = asked.profile_id ?? `${Date.now()}-${randomUUID().slice(0, 8)}`;
    const name = asked.profile_prefix == null ? id : `${asked.profile_prefix}-${id}`;
    if (!fileName.test(name)) {
      throw new InvalidArgumentError(
        `The profile would be named ${JSON.stringify(name)}; take letters, digits, ".", "_" and "-".`,
        { param: "profile_id" },
      );
    }
    await this.#tell({
      type: "startProfile",
      options: {
        directory:
          asked.output_dir ??
          process.env.SGLANG_TORCH_PROFILER_DIR ??
          join(tmpdir(), "dyn-profiles"),
        name,
        startStep: asked.start_step ?? 0,
        stepCount: asked.num_steps ?? null,
        hasCpu: asked.activities?.includes("CPU") ?? true,
      },
    });
    this.#isProfiling = true;
    return { status: "ok", message: "Profiling started" };
  }

  async #stopProfile() {
    if (!this.#isProfiling) return { status: "error", message: "No profile is being taken." };
    this.#isProfiling = false;
    const { profileFiles } = await this.#tell({ type: "stopProfile" });
    return { status: "ok", message: "Profiling stopped", files: profileFiles };
  }
}

function readTags(body: unknown): MemoryTag[] {
  const tags = parseBody(MemoryBody, body).tags ?? [];
  const unknown = tags.find((tag) => !memoryTags.includes(tag as MemoryTag));
  if (unknown === undefined) return tags as MemoryTag[];
  throw new InvalidArgumentError(
    `There is no memory tag ${JSON.stringify(unknown)}; take ${memoryTags.join(", ")}, or none for all.`,
    { param: "tags" },
  );
}

/** What such a handle names is memory of a GPU. */
const noHandles = {
  success: false,
  message:
    "This engine has no GPU whose memory a handle could name: send the tensors with update_weights_from_tensor, as safetensors in base64, over TCP with update_weights_from_distributed, or as files with update_weights_from_disk.",
};
