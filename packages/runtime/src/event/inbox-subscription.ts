import type { EventInbox } from "./event-inbox.ts";
import type { EventSubscription } from "./event-plane.ts";

/** A subscription whose messages a wire puts into an inbox. `onClose` is called once and leaves the wire. */
export function createInboxSubscription(inbox: EventInbox, onClose: () => void): EventSubscription {
  let isClosed = false;
  return {
    get queuedCount() {
      return inbox.queuedCount;
    },
    get droppedCount() {
      return inbox.droppedCount;
    },
    get missedCount() {
      return inbox.missedCount;
    },
    get rejectedCount() {
      return inbox.rejectedCount;
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      onClose();
      inbox.close();
    },
    [Symbol.asyncIterator]: () => inbox[Symbol.asyncIterator](),
  };
}
