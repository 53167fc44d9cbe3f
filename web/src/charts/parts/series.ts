/** Flow over time, bucket by bucket. */
import type { Answer } from "../../api/client";
import { type Filters, windowQuery } from "../../state/filters";

export type Series = Answer<"/api/v1/metrics/series">;
export type Point = Series["series"][number]["points"][number];
type Size = Series["bucket"];

const DAY_MS = 86_400_000;

/** The finest bucket, of those given, that makes no more than `most` of the window. */
export function bucketOf(filters: Filters, most: number, sizes: Size[] = ["day", "week", "month"]): Size {
  const { days = 0, start, end } = windowQuery(filters);
  const long = start ? (Date.parse(end ?? new Date().toISOString()) - Date.parse(start)) / DAY_MS : days;
  const lengths = { day: 1, week: 7, month: 30 };
  return sizes.find((size) => long / lengths[size] <= most) ?? "month";
}

/** The points of all items together. */
export const pointsOf = (data: Series): Point[] => data.series[0]?.points ?? [];

export const sum = <T>(list: T[], figure: (each: T) => number) => list.reduce((total, each) => total + figure(each), 0);

/** A link to items, for a part of its window. */
export function within(link: string | undefined, start: string, end: string, more: Record<string, string> = {}): string {
  const address = new URL(link ?? "/", location.origin);
  for (const [name, value] of Object.entries({ start, end, ...more })) address.searchParams.set(name, value);
  return address.pathname + address.search;
}

const lineOf = (points: readonly (readonly [number, number])[]) => points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");

/** The path through points; empty without any. */
export const path = (points: readonly (readonly [number, number])[]) => (points.length ? `M${lineOf(points)}` : "");

/** The area between two lines of points. */
export const between = (upper: readonly (readonly [number, number])[], lower: readonly (readonly [number, number])[]) =>
  `M${lineOf([...upper, ...[...lower].reverse()])}Z`;

/** A link to items, for those of one type. */
export function withType(link: string | undefined, type: string): string {
  const address = new URL(link ?? "/", location.origin);
  address.searchParams.set("type", type);
  return address.pathname + address.search;
}
