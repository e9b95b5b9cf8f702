// How many KV pages an executor gets.
import { InvalidArgumentError } from "@dyn/protocol";

export interface PageBudgetOptions {
  readonly pageSize: number;
  readonly contextLength: number;
  readonly kvBytesPerToken: number;
  /** Requests that may run at once; more KV than they can fill is of no use. */
  readonly maxRunningRequests: number;
  /** Tokens in all; `null` = as the budget says. */
  readonly maxTotalTokens: number | null;
  /** What KV may take. */
  readonly budgetBytes: number;
}

/**
 * maxTotalTokens if given, else what fits the budget, at most contextLength x maxRunningRequests.
 * Memory is taken as pages are first written, not now.
 */
export function countPages(options: PageBudgetOptions): number {
  const { pageSize, contextLength, kvBytesPerToken, maxRunningRequests } = options;
  const { maxTotalTokens, budgetBytes } = options;
  if (maxTotalTokens !== null) {
    const pageCount = Math.floor(maxTotalTokens / pageSize);
    if (pageCount >= 1) return pageCount;
    throw new InvalidArgumentError(
      `maxTotalTokens is ${maxTotalTokens}, less than one page of ${pageSize} tokens. Give at least ${pageSize}.`,
      { param: "maxTotalTokens" },
    );
  }
  const useful = maxRunningRequests * Math.ceil(contextLength / pageSize);
  const affordable = Math.floor(budgetBytes / (kvBytesPerToken * pageSize));
  const pageCount = Math.min(useful, affordable);
  if (pageCount >= 1) return pageCount;
  throw new InvalidArgumentError(
    `A KV budget of ${Math.floor(budgetBytes)} bytes holds no page: one takes ${kvBytesPerToken * pageSize} bytes. Free memory, or give a larger memoryFraction.`,
    { param: "memoryFraction" },
  );
}
