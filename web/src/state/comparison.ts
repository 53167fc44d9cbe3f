/** The other period that everything is compared with: the one before, the same a year ago, or any. */
import { type Filters, windowQuery } from "./filters";

export const COMPARISONS = {
  previous: "period before",
  year: "same period a year ago",
  custom: "another period",
} as const;
export type Comparison = keyof typeof COMPARISONS;

export interface Ends {
  start: string;
  end: string;
}

const DAY_MS = 86_400_000;

function aYearBefore(instant: number): string {
  const date = new Date(instant);
  date.setUTCFullYear(date.getUTCFullYear() - 1);
  return date.toISOString();
}

/** The other period, to one that is looked at; undefined when nothing is compared. */
export function otherEnds({ compare, compareStart, compareEnd }: Filters, { start, end }: Ends): Ends | undefined {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  if (compare === "previous") return { start: new Date(2 * from - to).toISOString(), end: start };
  if (compare === "year") return { start: aYearBefore(from), end: aYearBefore(to) };
  if (compare !== "custom" || !compareStart) return undefined;
  const last = compareEnd ?? new Date(Math.min(Date.parse(compareStart) + to - from, Date.now())).toISOString();
  return last > compareStart ? { start: compareStart, end: last } : undefined;
}

/** What the map is asked with: it knows the period before by itself. */
export function mapComparison(filters: Filters): { compare_to?: "previous"; compare_start?: string; compare_end?: string } {
  if (filters.compare === "previous") return { compare_to: "previous" };
  const { days = 0, start, end } = windowQuery(filters);
  const now = Math.floor(Date.now() / (DAY_MS / 24)) * (DAY_MS / 24); // a steady question
  const last = end ?? new Date(now).toISOString();
  const other = otherEnds(filters, { start: start ?? new Date(Date.parse(last) - days * DAY_MS).toISOString(), end: last });
  return other ? { compare_start: other.start, compare_end: other.end } : {};
}

/** The filters of the same question about the other period. */
export function ofOther(filters: Filters, ends: Ends): Filters {
  return { ...filters, ...ends };
}
