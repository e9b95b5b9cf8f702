// What most entries share.
export const common = {
  needsSpecialTokens: false,
  callIds: "call-uuid",
  structuralTag: "on-request",
} as const;
export const special = { ...common, needsSpecialTokens: true } as const;
