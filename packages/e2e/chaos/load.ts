// So many clients that ask one question after the other, and what became of each.
import { randomUUID } from "node:crypto";
import type { Random } from "../src/random.ts";
import { type Answer, ask, createAgent } from "./ask.ts";
import { countDifferences, greedyAnswer, type Question } from "./question.ts";

export interface LoadOptions {
  readonly url: () => string;
  readonly model: string;
  readonly questions: readonly Question[];
  readonly clientCount: number;
  readonly hangMs: number;
  readonly random: Random;
  readonly vocabSize: number;
  /** Beside the clients: questions that come when they come, however long the answers take. */
  readonly ratePerSecond?: number;
  /** So many of the clients leave, each within `mostMs`; earlier more often than later. */
  readonly leaves?: { readonly share: number; readonly mostMs: number };
}

export interface LoadReport {
  sent: number;
  completed: number;
  typed: number;
  broken: number;
  hung: number;
  /** Clients that went away on purpose. */
  left: number;
  lost: number;
  doubled: number;
  tokenCount: number;
  /** Codes of failures, counted. */
  readonly reasons: Map<string, number>;
  readonly answers: Omit<Answer, "choices">[];
}

/** An answer that is being waited for. */
export interface Wait {
  readonly id: string;
  readonly sentAtMs: number;
  /** Since when nothing of it came. */
  sinceMs: number;
}

/** A question that nobody listened to was not sent: the client tries again so soon. */
const retryMs = 50;
const afterFailureMs = 250;
/** Of questions that come at a rate; beyond it the next one waits. */
const maxRunning = 2_000;

export class Load {
  readonly #options: LoadOptions;
  readonly #expected = new Map<Question, number[][]>();
  readonly #agent = createAgent();
  readonly #end = new AbortController();
  readonly #report = emptyReport();
  readonly #running = new Set<Promise<void>>();
  readonly #waits = new Set<Wait>();
  #clients: Promise<unknown> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Every question once, undisturbed. Greedy answers are checked against their definition. */
  async learn(): Promise<void> {
    for (const question of this.#options.questions) {
      const answer = await this.#ask(question);
      if (answer.failure !== null) throw new Error(`Undisturbed, yet ${answer.reason}.`);
      if (question.seed === null) {
        const expected = greedyAnswer(question, this.#options.vocabSize);
        if (String(answer.choices[0]) !== String(expected)) {
          throw new Error("An undisturbed answer is not the mock's.");
        }
      }
      this.#expected.set(question, answer.choices);
    }
  }

  start(): void {
    const { clientCount, ratePerSecond } = this.#options;
    this.#clients = Promise.all([
      ...Array.from({ length: clientCount }, () => this.#client()),
      ...(ratePerSecond === undefined ? [] : [this.#arrivals(ratePerSecond)]),
    ]);
  }

  /** Everything that is being waited for, the longest wait first. */
  get waits(): Wait[] {
    return [...this.#waits].toSorted((a, b) => a.sinceMs - b.sinceMs);
  }

  get report(): LoadReport {
    return this.#report;
  }

  /** Nobody asks anew; what runs may end. */
  async stop(): Promise<LoadReport> {
    this.#end.abort();
    await this.#clients;
    this.#agent.destroy();
    return this.#report;
  }

  async #client(): Promise<void> {
    while (!this.#end.signal.aborted) await this.#askOne();
  }

  async #arrivals(ratePerSecond: number): Promise<void> {
    let dueMs = performance.now();
    while (!this.#end.signal.aborted) {
      dueMs += (-Math.log(1 - this.#options.random()) * 1000) / ratePerSecond;
      const waitMs = dueMs - performance.now();
      if (waitMs > 1) await pause(waitMs);
      if (this.#running.size >= maxRunning) await Promise.race(this.#running);
      const one = this.#askOne().finally(() => this.#running.delete(one));
      this.#running.add(one);
    }
    await Promise.all(this.#running);
  }

  async #askOne(): Promise<void> {
    const { questions, random } = this.#options;
    const question = questions[Math.floor(random() * questions.length)]!;
    const leaving = this.#drawLeaving();
    let answer = await this.#ask(question, leaving);
    while (answer.failure === "refused" && !this.#end.signal.aborted) {
      await pause(retryMs);
      answer = await this.#ask(question, leaving);
    }
    if (answer.failure !== "refused") this.#judge(question, answer);
    // As Retry-After wants it, if sooner.
    if (answer.failure !== null && answer.failure !== "left") await pause(afterFailureMs);
  }

  #drawLeaving(): { leaveAfterMs?: number } {
    const { leaves, random } = this.#options;
    if (leaves === undefined || random() >= leaves.share) return {};
    return { leaveAfterMs: random() ** 2 * leaves.mostMs };
  }

  async #ask(question: Question, leaving: { leaveAfterMs?: number } = {}): Promise<Answer> {
    const { url, model, hangMs } = this.#options;
    const nowMs = performance.now();
    const wait: Wait = { id: randomUUID(), sentAtMs: nowMs, sinceMs: nowMs };
    this.#waits.add(wait);
    const answer = await ask(question, {
      ...{ url: url(), model, agent: this.#agent, hangMs, id: wait.id, ...leaving },
      onHeard: () => {
        wait.sinceMs = performance.now();
      },
    });
    this.#waits.delete(wait);
    return answer;
  }

  #judge(question: Question, answer: Answer): void {
    const report = this.#report;
    report.sent += 1;
    const { choices: _, ...times } = answer;
    report.answers.push(times);
    this.#expected.get(question)?.forEach((expected, index) => {
      const received = answer.choices[index] ?? [];
      report.tokenCount += received.length;
      // What a failed answer brought must be right as far as it goes.
      const wanted = answer.failure === null ? expected : expected.slice(0, received.length);
      const { lost, doubled } = countDifferences(wanted, received);
      report.lost += lost;
      report.doubled += doubled;
    });
    if (answer.failure === null) {
      report.completed += 1;
      return;
    }
    if (answer.failure === "left") {
      report.left += 1;
      return;
    }
    report.reasons.set(answer.reason, (report.reasons.get(answer.reason) ?? 0) + 1);
    if (answer.failure === "hung") report.hung += 1;
    else if (answer.failure === "typed") report.typed += 1;
    else report.broken += 1;
  }
}

function emptyReport(): LoadReport {
  return {
    sent: 0,
    completed: 0,
    typed: 0,
    broken: 0,
    hung: 0,
    left: 0,
    lost: 0,
    doubled: 0,
    tokenCount: 0,
    reasons: new Map(),
    answers: [],
  };
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}
