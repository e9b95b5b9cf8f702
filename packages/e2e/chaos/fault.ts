// What a fault is made of, and what is written down of it.
import type { Random } from "../src/random.ts";
import type { Deployment } from "./deployment.ts";

/** How a fault was done here. */
export type Means = string;

export interface Stage {
  readonly deployment: Deployment;
  /** Puts a model into discovery and waits until the frontend lists it; the seconds that took. */
  readonly probeDiscovery: () => Promise<number>;
  readonly close: () => Promise<void>;
}

export interface FaultContext<S extends Stage = Stage> {
  readonly stage: S;
  readonly random: Random;
}

export interface Injected {
  readonly means: Means;
  /** Set where discovery was hit. */
  readonly discoverySeconds?: number;
}

export interface Fault<S extends Stage = Stage> {
  readonly name: string;
  /** Does it under load, from the first harm to the last; `null`: it cannot be done on this machine. */
  readonly inject: (context: FaultContext<S>) => Promise<Injected | null>;
}

/** One line of the table. */
export interface Outcome {
  readonly fault: string;
  readonly means: Means;
  readonly sent: number;
  readonly completed: number;
  readonly migrated: number;
  /** Answered with an error that has a code. */
  readonly typed: number;
  /** The client's own connection was lost. */
  readonly broken: number;
  readonly hung: number;
  readonly lost: number;
  readonly doubled: number;
  readonly tokenCount: number;
  /** The longest time that a request went without a token; for one that failed, from the fault to its end. */
  readonly recoverySeconds: number;
  readonly discoverySeconds: number | null;
  readonly reasons: readonly string[];
}

export function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}
