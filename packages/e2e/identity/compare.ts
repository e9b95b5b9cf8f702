// Asks all questions of a deployment, several at a time, and compares its answers with those that are right.
import { type Answer, type Aspect, ask, differingAspects, logprobDifference } from "./answer.ts";
import { type Counts, Deployment, type Variant } from "./deployment.ts";
import type { Question } from "./question.ts";

export interface Comparison {
  readonly variant: Variant;
  readonly questionCount: number;
  readonly choiceCount: number;
  /** Of the answers, as far as they are told: a stop string and what is behind it is not. */
  readonly tokenCount: number;
  /** Questions without an answer, and why. */
  readonly failures: readonly string[];
  /** Answers that differ, by what differs in them. */
  readonly different: ReadonlyMap<Aspect, number>;
  /** The first few of them. */
  readonly examples: readonly string[];
  readonly logprobDifference: number;
  readonly counts: Counts;
  readonly seconds: number;
}

const concurrency = 8;
const mostExamples = 5;

/** The deployment lives as long as this runs. An answer that failed is its error. */
export async function answersOf(
  variant: Variant,
  questions: readonly Question[],
  seed: number,
): Promise<{ answers: (Answer | Error)[]; counts: Counts; seconds: number }> {
  await using deployment = await Deployment.start(variant, seed);
  const begunMs = performance.now();
  const before = await deployment.counts();
  const answers: (Answer | Error)[] = [];
  let next = 0;
  const client = async () => {
    for (let index = next++; index < questions.length; index = next++) {
      answers[index] = await ask(deployment.url, questions[index]!).catch((error: Error) => error);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const { pooled, ...counts } = await deployment.counts();
  const seconds = (performance.now() - begunMs) / 1000;
  return { answers, counts: { ...counts, pooled: pooled - before.pooled }, seconds };
}

export async function compare(
  variant: Variant,
  questions: readonly Question[],
  expected: readonly Answer[],
  seed: number,
): Promise<Comparison> {
  const { answers, counts, seconds } = await answersOf(variant, questions, seed);
  const different = new Map<Aspect, number>();
  const examples: string[] = [];
  const failures: string[] = [];
  let difference = 0;
  for (const [index, right] of expected.entries()) {
    const answer = answers[index]!;
    const { kind } = questions[index]!;
    if (answer instanceof Error) {
      failures.push(`${kind}: ${answer.message}`);
      continue;
    }
    const differing = differingAspects(right, answer);
    for (const aspect of differing) different.set(aspect, (different.get(aspect) ?? 0) + 1);
    difference = Math.max(difference, logprobDifference(right, answer));
    if (differing.length > 0 && examples.length < mostExamples) {
      const texts = [right, answer].map(({ choices }) =>
        choices.map(({ text }) => text).join(" | "),
      );
      examples.push(`${index} (${kind}), ${differing.join(", ")}: ${texts.join("  <>  ")}`);
    }
  }
  return {
    variant,
    questionCount: questions.length,
    choiceCount: expected.reduce((sum, { choices }) => sum + choices.length, 0),
    tokenCount: expected.flatMap(({ choices }) => choices.flatMap(({ tokens }) => tokens)).length,
    ...{ failures, different, examples, counts, seconds },
    logprobDifference: difference,
  };
}

/** What an aggregated worker says; throws where it says nothing. */
export async function expectedAnswers(
  variant: Variant,
  questions: readonly Question[],
  seed: number,
): Promise<Answer[]> {
  const { answers } = await answersOf(variant, questions, seed);
  return answers.map((answer, index) => {
    if (answer instanceof Error) {
      throw new Error(`The aggregated worker failed at ${questions[index]!.kind}.`, {
        cause: answer,
      });
    }
    return answer;
  });
}
