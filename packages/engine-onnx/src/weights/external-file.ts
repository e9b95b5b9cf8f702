import { parse, sep } from "node:path";

/**
 * The folder that sessions are told. Since ONNX Runtime 1.24 external data must lie below it even after
 * symbolic links are resolved, which Hugging Face caches (snapshots -> blobs) violate with any other choice.
 */
export function externalDataFolder(file: string): string {
  return parse(file).root;
}

/** `file`: absolute. What an initializer calls it: relative to the root, with forward slashes. */
export function externalDataLocation(file: string): string {
  return file.slice(externalDataFolder(file).length).split(sep).join("/");
}
