// Which weights the next session is loaded with. A source is checked here, whole, before anything is let go.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReplaceableWeights, WeightSource } from "@dyn/engine";
import {
  type Checkpoint,
  loadModelConfig,
  type ModelConfig,
  openCheckpoint,
} from "@dyn/model-files";
import { InvalidArgumentError } from "@dyn/protocol";
import type { BindingSessionOptions } from "../runtime/binding-session.ts";
import { overlayCheckpoint } from "./overlay-checkpoint.ts";

export interface WeightStoreOptions {
  readonly config: ModelConfig;
  readonly checkpoint: Checkpoint;
  /** Of `checkpoint`. */
  readonly session: BindingSessionOptions;
  /** Throws when a tensor is missing or has another shape. `cacheDirectory`: for weights that do not stay; `null`: the usual one. */
  readonly describeSession: (
    checkpoint: Checkpoint,
    cacheDirectory: string | null,
  ) => Promise<BindingSessionOptions>;
}

/** Fields of a model's config that do not say how it is computed. */
const passedOver: ReadonlySet<string> = new Set(["bosTokenId", "eosTokenIds"]);

interface Weights {
  readonly checkpoint: Checkpoint;
  readonly session: BindingSessionOptions;
  /** Folders that tensors were written to, as long as one of them is used. */
  readonly folders: readonly string[];
}

export class WeightStore implements ReplaceableWeights {
  readonly #config: ModelConfig;
  readonly #describeSession: WeightStoreOptions["describeSession"];
  #weights: Weights;

  constructor({ config, checkpoint, session, describeSession }: WeightStoreOptions) {
    this.#config = config;
    this.#describeSession = describeSession;
    this.#weights = { checkpoint, session, folders: [] };
  }

  /** What a session is opened with. */
  get session(): BindingSessionOptions {
    return this.#weights.session;
  }

  async prepare(source: WeightSource): Promise<{ undo(): void; commit(): void }> {
    const before = this.#weights;
    const next =
      source.kind === "directory"
        ? await this.#fromDirectory(source.path)
        : await this.#fromTensors(source.files);
    this.#weights = next;
    return {
      undo: () => {
        this.#weights = before;
        remove(next.folders, before.folders);
      },
      commit: () => remove(before.folders, next.folders),
    };
  }

  /** Nothing can be loaded any more. */
  close(): void {
    remove(this.#weights.folders, []);
  }

  async #fromDirectory(path: string): Promise<Weights> {
    if (!(await isDirectory(path))) {
      throw new InvalidArgumentError(
        `model_path ${JSON.stringify(path)} is no directory on this machine; give one with config.json and safetensors.`,
        { param: "model_path" },
      );
    }
    requireSameModel(this.#config, await loadModelConfig(path), path);
    const checkpoint = await openCheckpoint(path);
    return { checkpoint, session: await this.#describeSession(checkpoint, null), folders: [] };
  }

  async #fromTensors(files: readonly Uint8Array[]): Promise<Weights> {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "dyn-tensors-"));
    try {
      let { checkpoint } = this.#weights;
      for (const [i, bytes] of files.entries()) {
        const directory = mkdtempSync(join(folder, `${i}-`));
        await writeFile(join(directory, "model.safetensors"), bytes);
        checkpoint = overlayCheckpoint(checkpoint, await openCheckpoint(directory));
      }
      const session = await this.#describeSession(checkpoint, join(folder, "quantized"));
      const used = new Set([...checkpoint.tensors.values()].map(({ file }) => file));
      const older = this.#weights.folders.filter((each) =>
        [...used].some((file) => file.startsWith(each)),
      );
      return { checkpoint, session, folders: [...older, folder] };
    } catch (error) {
      remove([folder], []);
      throw error;
    }
  }
}

/** Weights of another model would compute, and say nonsense. */
function requireSameModel(ours: ModelConfig, theirs: ModelConfig, path: string): void {
  for (const [field, value] of Object.entries(ours)) {
    if (passedOver.has(field)) continue;
    const other = JSON.stringify(theirs[field as keyof ModelConfig]);
    if (other === JSON.stringify(value)) continue;
    throw new InvalidArgumentError(
      `The model of ${path} is another one: its ${field} is ${other}, the running model's ${JSON.stringify(value)}. Give weights of the same model.`,
      { param: "model_path" },
    );
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

function remove(folders: readonly string[], kept: readonly string[]): void {
  for (const folder of folders) {
    if (!kept.includes(folder)) rmSync(folder, { recursive: true, force: true });
  }
}
