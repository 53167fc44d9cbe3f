/** Two periods side by side: in one sentence, and in a table. */
import { duration } from "../../format/duration";
import { NONE, count, decimal, percent } from "../../format/number";
import type { Clock } from "../../state/filters";
import type { Table } from "../chart";

/** What two periods are compared by. */
export interface Figure {
  name: string;
  value: number | null | undefined;
  kind: "hours" | "count" | "share" | "decimal";
}

/** So many figures are said; the table has all. */
const SAID = 3;

function amount({ value, kind }: Figure, clock: Clock): string {
  if (value === null || value === undefined) return NONE;
  return { hours: () => duration(value, clock), count: () => count(value), share: () => percent(value), decimal: () => decimal(value) }[kind]();
}

/** How much more or less a figure is now; empty where either is missing. */
export function difference(now: Figure, then: Figure, clock: Clock): string {
  if (typeof now.value !== "number" || typeof then.value !== "number") return "";
  if (amount(now, clock) === amount(then, clock)) return "as much";
  const change = now.value - then.value;
  const size = Math.abs(change);
  const more = change > 0 ? "more" : now.kind === "count" ? "fewer" : "less";
  if (now.kind !== "share") return `${amount({ ...now, value: size }, clock)} ${more}`;
  const points = Math.abs(Math.round(now.value * 100) - Math.round(then.value * 100));
  return points ? `${points} ${points === 1 ? "point" : "points"} ${more}` : "as much";
}

function pairs(now: Figure[], then: Figure[]): [Figure, Figure][] {
  const before = new Map(then.map((each) => [each.name, each]));
  return now.map((each) => [each, before.get(each.name) ?? { ...each, value: null }]);
}

/** "31 Aug – 29 Sep: finished 142, now 12 fewer; started 150, now 3 more." */
export function compared(now: Figure[], then: Figure[], span: string, clock: Clock): string {
  if (!then.some((each) => each.value)) return `${span}: nothing happened that could be compared.`;
  const told = pairs(now, then)
    .slice(0, SAID)
    .map(([here, there]) => {
      const change = difference(here, there, clock);
      return `${here.name} ${amount(there, clock)}${change && `, now ${change}`}`;
    });
  return `${span}: ${told.join("; ")}.`;
}

export function comparedTable(now: Figure[], then: Figure[], spans: [string, string], clock: Clock): Table {
  return {
    caption: `Compared with ${spans[1]}`,
    head: ["Figure", spans[0], spans[1], "Difference"],
    rows: pairs(now, then).map(([here, there]) => [here.name, amount(here, clock), amount(there, clock), difference(here, there, clock) || NONE]),
  };
}
