/** What every chunk of one answer repeats. */
export interface AnswerHead {
  /** `chatcmpl-{uuid}` or `cmpl-{uuid}` */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}
