/** An item's history as what can be drawn: lanes, bars, and the steps between them. */
import type { components } from "../api/schema";

export type History = components["schemas"]["History"];
type Visit = History["visits"][number];

export interface Bar {
  visit: Visit;
  lane: number;
  from: number;
  to: number;
  /** Entered by a move back. */
  again: boolean;
}

export interface Journey {
  bars: Bar[];
  start: number;
  end: number;
}

/** Lay the visits on a time axis that ends now, or a little after the finish. */
export function journeyOf(history: History, stages: string[]): Journey {
  const asOf = Date.parse(history.as_of);
  const lane = (visit: Visit) => stages.indexOf(visit.stage);
  const bars = history.visits.map((visit, place): Bar => {
    const before = history.visits[place - 1];
    return {
      visit,
      lane: lane(visit),
      from: Date.parse(visit.entered),
      to: visit.exited === null ? asOf : Date.parse(visit.exited),
      again: before !== undefined && lane(visit) < lane(before),
    };
  });
  const start = Math.min(Date.parse(history.created_at), ...bars.map((bar) => bar.from));
  const last = bars.at(-1);
  const finished = history.final_finished_at && last?.visit.exited === null;
  const lasted = (last?.from ?? asOf) - start;
  const end = finished ? (last?.from ?? asOf) + Math.max(3_600_000, lasted * 0.04) : asOf;
  return {
    bars: bars.map((bar) => ({ ...bar, to: Math.min(bar.to, end) })),
    start,
    end: Math.max(end, start + 60_000),
  };
}
