/**
 * Where the bundled models lie.
 *
 * Each is a Hugging Face directory below `models/` of this package; this room only names them and
 * never opens a file.
 */
import { fileURLToPath } from "node:url";

/** The models that come with this package, by the name of their directory. */
export const bundledModels = ["dyn-tiny-chat", "dyn-tiny-embed"] as const;

export type BundledModel = (typeof bundledModels)[number];

/** Whether `name` is a model that comes with this package. */
export function isBundledModel(name: string): name is BundledModel {
  return (bundledModels as readonly string[]).includes(name);
}

/** The absolute directory of a bundled model. */
export function modelPath(name: BundledModel): string {
  // src/ and dist/ both stand directly below the package's root.
  return fileURLToPath(new URL(`../models/${name}`, import.meta.url));
}
