import { InvalidArgumentError } from "@dyn/protocol";

/** The executor's pages, or as many as hold maxTotalTokens. */
export function limitPages(
  pageCount: number,
  pageSize: number,
  maxTotalTokens: number | null,
): number {
  if (maxTotalTokens === null) return pageCount;
  const limited = Math.min(pageCount, Math.floor(maxTotalTokens / pageSize));
  if (limited >= 1) return limited;
  throw new InvalidArgumentError(
    `maxTotalTokens is ${maxTotalTokens}; it must hold at least one page of ${pageSize} tokens.`,
    { param: "maxTotalTokens" },
  );
}
