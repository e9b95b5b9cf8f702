import type { LeaseEnd } from "../contract/kv-transfer.ts";

/** What only grows in HandOverMetrics. */
export class HandOverCounters {
  leasesAcknowledged = 0;
  leasesCancelled = 0;
  leasesExpired = 0;
  leasesFailed = 0;
  transferredBytes = 0;
  transferSeconds = 0;
  bootstrapFailures = 0;
  transferFailures = 0;

  leaseEnded(end: LeaseEnd, startedMs: number, nowMs: number): void {
    if (end === "acknowledged") {
      this.leasesAcknowledged++;
      this.transferSeconds += Math.max(nowMs - startedMs, 0) / 1000;
    } else if (end === "cancelled") {
      this.leasesCancelled++;
    } else if (end === "expired") {
      this.leasesExpired++;
    } else {
      this.leasesFailed++;
    }
  }

  requestFailed(hadJoined: boolean): void {
    if (hadJoined) this.transferFailures++;
    else this.bootstrapFailures++;
  }
}
