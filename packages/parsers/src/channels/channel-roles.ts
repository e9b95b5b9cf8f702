/** What of a format of channels is parsed. What is not is shown as content; the framing is stripped in any case. */
export interface ChannelRoles {
  readonly hasCalls: boolean;
  readonly hasReasoning: boolean;
}
