import type { NativeFlag } from "./native-flag.ts";

/** Native flags of SGLang 0.5.21 that the engine here does not implement, with what becomes of each. */
export const sglangFlags: readonly NativeFlag[] = [];
