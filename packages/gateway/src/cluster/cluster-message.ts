// Everything that the processes of one port tell each other. Both ends are of one release; nothing here is stored.
import type { MetricsSnapshot } from "@dyn/metrics";
import type { BusyThresholds } from "@dyn/router";

export type AccountKind = "concurrent" | "rate" | "budget";

/** From a worker to the primary. */
export type ToPrimary =
  /** It takes connections from now on, and does not any more. */
  | { readonly type: "accepting" | "leaving" }
  /** It has the connection that it was dealt. */
  | { readonly type: "took"; readonly id: number }
  /** From now on the account is used there; of the same key it is the same account. */
  | {
      readonly type: "open";
      readonly account: string;
      readonly kind: AccountKind;
      readonly limit: number;
    }
  | { readonly type: "forget"; readonly account: string }
  /** `need` requests wait at the door; `spare` more would be kept for the next ones. */
  | {
      readonly type: "ask";
      readonly account: string;
      readonly need: number;
      readonly spare: number;
    }
  /** Not in use any more. `isAll`: the answer to a recall. */
  | {
      readonly type: "put-back";
      readonly account: string;
      readonly count: number;
      readonly isAll: boolean;
    }
  | { readonly type: "charge"; readonly account: string; readonly count: number }
  /** By how much the requests that it has running at instances (hexadecimal ids) changed. */
  | { readonly type: "load"; readonly changes: Readonly<Record<string, number>> }
  /** Busy thresholds of a model were set there; it waits for `thresholds-held`. */
  | {
      readonly type: "thresholds";
      readonly id: number;
      readonly model: string;
      readonly thresholds: BusyThresholds;
    }
  /** It goes by those that came under this id. */
  | { readonly type: "thresholds-taken"; readonly id: number }
  /** It wants the page of all. */
  | { readonly type: "page-wanted"; readonly id: number }
  /** Its own metrics; `id` null: its last ones, it ends now. */
  | { readonly type: "metrics"; readonly id: number | null; readonly snapshot: MetricsSnapshot };

/** From the primary to a worker. */
export type ToWorker =
  /** Comes with a socket; it is to say `took`. */
  | { readonly type: "connection"; readonly id: number }
  /** Granted out of an account; fewer than were needed: come again after `waitMs`. */
  | {
      readonly type: "grant";
      readonly account: string;
      readonly count: number;
      readonly waitMs: number;
    }
  /** Others wait: what is not in use must come back at once, for the next `forMs` too. */
  | { readonly type: "recall"; readonly account: string; readonly forMs: number }
  /** Others have used so much of a budget. */
  | { readonly type: "charged"; readonly account: string; readonly count: number }
  /** What another worker has running; `changes` null: it is gone with all that it had. */
  | {
      readonly type: "load";
      readonly worker: number;
      readonly changes: Readonly<Record<string, number>> | null;
    }
  /** Busy thresholds of a model; it is to say `thresholds-taken`, unless `id` is null. */
  | {
      readonly type: "thresholds";
      readonly id: number | null;
      readonly model: string;
      readonly thresholds: BusyThresholds;
    }
  /** All workers go by what it set under this id. */
  | { readonly type: "thresholds-held"; readonly id: number }
  | { readonly type: "metrics-wanted"; readonly id: number }
  | {
      readonly type: "page";
      readonly id: number;
      readonly contentType: string;
      readonly body: string;
    }
  /** Finish what runs, take nothing new, end. */
  | { readonly type: "drain" };
