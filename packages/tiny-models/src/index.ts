export type { BundledModel } from "./model-path.ts";
export { bundledModels, isBundledModel, modelPath } from "./model-path.ts";
