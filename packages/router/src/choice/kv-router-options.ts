import type { EndpointId, Planes } from "@dyn/runtime";
import type { RouterObserver } from "../observe/router-observer.ts";
import type { RouterSettings } from "./router-settings.ts";

export interface KvRouterOptions {
  readonly planes: Planes;
  /** Of the workers. */
  readonly endpoint: EndpointId;
  /** Shown in decisions. */
  readonly model: string;
  /** Workers of other models at the endpoint are nobody to this router. Default: all that are there are its own. */
  readonly isOfModelAlone?: boolean;
  /** Tokens of a block; all workers must agree on it. */
  readonly blockSize: number;
  readonly settings?: Partial<RouterSettings>;
  readonly observer?: RouterObserver;
  readonly random?: () => number;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}
