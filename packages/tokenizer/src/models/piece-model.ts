import type { IdList } from "../pipeline/id-list.ts";

/** Text of one piece to ids. */
export interface PieceModel {
  encode(piece: string, out: IdList): void;
}
