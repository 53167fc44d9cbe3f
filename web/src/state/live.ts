/** Moves, and what else happens, as it does: one stream of server-sent events for the whole page. */
import { useEffect, useState } from "preact/hooks";
import { addressOf } from "../api/client";
import { changes } from "./changes";

export interface LiveMove {
  id: number;
  work_item_id: number;
  title: string;
  from_stage: string | null;
  to_stage: string;
  timestamp: string;
}

/** What happened beside moves. */
export interface LiveNews {
  kind: NewsKind;
  work_item_id: number | null;
  title: string | null;
  recorded_at: string;
}

export type NewsKind =
  | "move_voided"
  | "item_edited"
  | "item_cancelled"
  | "item_restored"
  | "item_blocked"
  | "item_unblocked"
  | "block_voided"
  | "stream_changed"
  | "demo_removed";
export type LiveEvent = LiveMove | LiveNews;

export type LiveState = "connecting" | "live" | "offline";

const KEPT = 50;
const REFRESH_MS = 60_000;
const AGAIN_MS = 15_000;
const listeners = new Set<() => void>();
let events: LiveEvent[] = [];
let state: LiveState = "connecting";

function announce(): void {
  listeners.forEach((listener) => listener());
}

function enter(next: LiveState): void {
  if (state === "offline" && next === "live") changes.tell(); // something may have been missed
  state = next;
  announce();
}

/**
 * Follow a stream's moves while the page is in sight; once, by whoever frames the views.
 *
 * A browser opens six connections to a service at most, so pages in the background must not keep one.
 */
export function useLive(stream: string | undefined): LiveState {
  useEffect(() => {
    events = [];
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      source?.close();
      source = undefined;
      clearTimeout(again);
    };
    const follow = () => {
      stop();
      if (document.visibilityState !== "visible") return;
      source = open(stream, () => {
        again = setTimeout(follow, AGAIN_MS);
      });
    };
    const turn = () => {
      follow();
      if (document.visibilityState === "visible") changes.tell();
    };
    follow();
    document.addEventListener("visibilitychange", turn);
    // ages grow, and an event may be missed
    const timer = setInterval(() => document.visibilityState === "visible" && changes.tell(), REFRESH_MS);
    return () => {
      stop();
      document.removeEventListener("visibilitychange", turn);
      clearInterval(timer);
    };
  }, [stream]);
  return useAnnounced(() => state);
}

function open(stream: string | undefined, refused: () => void): EventSource {
  const source = new EventSource(addressOf("/api/v1/events", { stream }));
  source.onopen = () => enter("live");
  source.onerror = () => {
    enter("offline");
    if (source.readyState === EventSource.CLOSED) refused(); // the browser tries again by itself otherwise
  };
  const told = (event: MessageEvent<string>) => {
    events = [JSON.parse(event.data) as LiveEvent, ...events].slice(0, KEPT);
    announce();
    changes.tell();
  };
  source.addEventListener("move", told);
  source.addEventListener("news", told);
  source.addEventListener("many", () => changes.tell());
  return source;
}

export function useLiveEvents(): LiveEvent[] {
  return useAnnounced(() => events);
}

export const isMove = (event: LiveEvent): event is LiveMove => "to_stage" in event;

/** The latest moves, as the map's motion wants them. */
export function latestMoves(): { item: number; from: string | null; to: string }[] {
  return events.filter(isMove).reverse().map((move) => ({ item: move.work_item_id, from: move.from_stage, to: move.to_stage }));
}

function useAnnounced<T>(read: () => T): T {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const update = () => setValue(read);
    listeners.add(update);
    update();
    return () => {
      listeners.delete(update);
    };
  }, []);
  return value;
}
