import type { ThinkingBudget } from "@dyn/engine";

/** What begins and what ends a model's reasoning, in its tokens. */
export interface ThinkingMarkers extends Pick<ThinkingBudget, "openIds" | "closeIds" | "enderIds"> {
  /** Answers begin within reasoning unless the prompt has closed it. */
  readonly startsInside: boolean;
}

/** Blanks that templates write behind a marker, in tokens at most. */
const maxBlanks = 3;

export function toThinkingBudget(
  maxTokens: number,
  promptIds: ArrayLike<number>,
  markers: ThinkingMarkers,
): ThinkingBudget {
  const { openIds, closeIds, enderIds, startsInside } = markers;
  const isEnd = (ids: readonly number[]) => {
    for (let blanks = 0; blanks <= maxBlanks; blanks++) {
      const start = promptIds.length - blanks - ids.length;
      if (ids.length > 0 && start >= 0 && ids.every((id, i) => promptIds[start + i] === id)) {
        return true;
      }
    }
    return false;
  };
  const isOpen = !isEnd(closeIds) && (startsInside || isEnd(openIds));
  return { maxTokens, openIds, closeIds, enderIds, isOpen };
}
