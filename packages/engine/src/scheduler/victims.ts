// Who has to go when there is not enough for all. Rules are SGLang's; nothing is moved here.
import { estimateNewTokens } from "./new-token-ratio.ts";
import type { RequestGroup } from "./request-group.ts";
import type { Sequence } from "./sequence.ts";

/** Pages ran out: the one with the shortest answer goes, of these the one with the longest prompt. */
export function chooseRetracted(running: readonly Sequence[]): Sequence {
  let victim = running[0]!;
  for (const sequence of running) {
    const difference = sequence.produced - victim.produced;
    if (difference < 0 || (difference === 0 && sequence.promptLength > victim.promptLength)) {
      victim = sequence;
    }
  }
  return victim;
}

/** Running sequences to retract for one of higher priority, least important and newest first; none if they would not suffice. */
export function choosePreempted(options: {
  running: readonly Sequence[];
  priority: number;
  threshold: number;
  neededSlots: number;
  neededTokens: number;
  ratio: number;
}): Sequence[] {
  const { running, priority, threshold, ratio } = options;
  let { neededSlots, neededTokens } = options;
  if (neededSlots <= 0 && neededTokens <= 0) return [];
  const candidates = running
    .filter((sequence) => priority - sequence.group.request.priority > threshold)
    .sort(
      (a, b) =>
        a.group.request.priority - b.group.request.priority || b.queueNumber - a.queueNumber,
    );
  const victims: Sequence[] = [];
  for (const sequence of candidates) {
    victims.push(sequence);
    neededSlots--;
    neededTokens -= sequence.computed + estimateNewTokens(sequence) * ratio;
    if (neededSlots <= 0 && neededTokens <= 0) return victims;
  }
  return [];
}

/** Of the requests that never ran: the lowest priority, of these the newest. */
export function leastPreferred(waiting: readonly Sequence[]): RequestGroup | null {
  let victim: Sequence | null = null;
  for (const sequence of waiting) {
    if (sequence.group.hasLeftQueue) continue;
    const difference =
      victim === null ? -1 : sequence.group.request.priority - victim.group.request.priority;
    const isNewer = victim !== null && sequence.queueNumber > victim.queueNumber;
    if (difference < 0 || (difference === 0 && isNewer)) victim = sequence;
  }
  return victim === null ? null : victim.group;
}
