import type { EndpointId, Planes } from "@dyn/runtime";
import type { RouterObserver } from "../observe/router-observer.ts";
import type { RouterSettings } from "./router-settings.ts";

export interface KvRouterOptions {
  readonly planes: Planes;
  /** Of the workers. */
  readonly endpoint: EndpointId;
  /** Shown in decisions. */
  readonly model: string;
  /** Tokens of a block; all workers must agree on it. */
  readonly blockSize: number;
  readonly settings?: Partial<RouterSettings>;
  readonly observer?: RouterObserver;
  readonly random?: () => number;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}
