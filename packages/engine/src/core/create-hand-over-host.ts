// What the core does when prefill and decode are apart and the other engine has done its part: both halves end or go on
// by the first token of each choice.
import type { HandOverHost } from "../handover/hand-over-host.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Answers } from "./answers.ts";
import { errorFinish } from "./error-finish.ts";
import type { MetricsRecorder } from "./metrics-recorder.ts";
import type { TokenSource } from "./token-source.ts";

export function createHandOverHost(options: {
  readonly scheduler: Scheduler;
  readonly answers: Answers;
  readonly tokens: TokenSource;
  readonly metrics: MetricsRecorder;
  changed(): void;
}): HandOverHost {
  const { scheduler, answers, tokens, metrics } = options;
  return {
    schedule: (group) => scheduler.submit(group),
    end: (group, reason) => answers.endSoon(group, reason),
    endLease: (sequence) => scheduler.endLease(sequence),
    changed: () => options.changed(),

    finishPrefill(group, handOver) {
      for (const [index, { tokenId, logprobs }] of handOver.choices.entries()) {
        const choice = answers.open.choice(group.sequences[index]!);
        if (choice === undefined) continue;
        scheduler.finish(choice.sequence);
        const tokenIds = tokenId === null ? [] : [tokenId];
        answers.emit(choice, tokenIds, logprobs, { type: "length" });
      }
      answers.flush();
    },

    // First tokens and sampler states of the prefill half; the KV is in the pages of the first choice.
    received(group, handOver) {
      const first = group.sequences.find(({ awaitsKv }) => awaitsKv)!;
      group.cachedTokens = handOver.cachedTokens;
      group.promptLogprobs?.push(...(handOver.promptLogprobs ?? []));
      scheduler.received(first);
      metrics.advanced(first);
      for (const [index, { tokenId, logprobs, samplerState }] of handOver.choices.entries()) {
        const choice = answers.open.choice(group.sequences[index]!);
        if (choice === undefined) continue;
        try {
          choice.adoptSeed(samplerState.seed);
          if (tokenId === null) {
            answers.end(choice, { type: "length" });
            continue;
          }
          choice.sampler.accept(tokens.check(tokenId));
          answers.say(choice, tokenId, logprobs);
        } catch (error) {
          answers.end(choice, errorFinish(error));
        }
      }
      answers.flush();
    },
  };
}
