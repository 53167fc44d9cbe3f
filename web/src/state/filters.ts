/**
 * What is looked at: all of it is in the page's address, so it can be shared, and back and forward work.
 *
 * Names are those of the API. `days` may exceed what the API calls a rolling window; then `start` is asked for.
 */
import { useEffect, useState } from "preact/hooks";

export const TYPES = ["feature", "bug", "task", "epic"] as const;
export type ItemType = (typeof TYPES)[number];
export type Clock = "elapsed" | "working";
export type Compare = "" | "previous" | "year" | "custom";
const COMPARES: Compare[] = ["previous", "year", "custom"];

export interface Filters {
  view: string;
  stream?: string;
  days: number;
  start?: string;
  end?: string;
  type: ItemType[];
  clock: Clock;
  tz?: string;
  compare: Compare;
  /** The ends of another period, when that is compared with. */
  compareStart?: string;
  compareEnd?: string;
  kiosk: boolean;
  /** Everything in the address, for what only one view knows. */
  all: URLSearchParams;
}

export const DEFAULT_DAYS = 30;
const LONGEST_ROLLING_DAYS = 90;
const HOUR_MS = 3_600_000;

/** Belongs to one view, and is left behind with it. */
const LOCAL = ["population", "as_of", "stage", "follow_up_days", "q", "state", "sort", "item", "chart", "rule"];

export function parse(search: string): Filters {
  const all = new URLSearchParams(search);
  const days = Number(all.get("days"));
  return {
    view: all.get("view") ?? "map",
    stream: all.get("stream") ?? undefined,
    days: Number.isInteger(days) && days > 0 && days <= 3660 ? days : DEFAULT_DAYS,
    start: all.get("start") ?? undefined,
    end: all.get("end") ?? undefined,
    type: TYPES.filter((each) => all.getAll("type").includes(each)),
    clock: all.get("clock") === "working" ? "working" : "elapsed",
    tz: all.get("tz") ?? undefined,
    compare: COMPARES.find((each) => each === all.get("compare")) ?? "",
    compareStart: all.get("compare_start") ?? undefined,
    compareEnd: all.get("compare_end") ?? undefined,
    kiosk: all.get("kiosk") === "1",
    all,
  };
}

type Change = Record<string, string | string[] | number | undefined>;

function changed(params: URLSearchParams, change: Change): string {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(change)) {
    next.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== "") next.append(name, String(each));
    }
  }
  if (next.get("view") === "map") next.delete("view");
  if (next.get("days") === String(DEFAULT_DAYS)) next.delete("days");
  if (next.get("clock") === "elapsed") next.delete("clock");
  const text = next.toString();
  return text ? `/?${text}` : "/";
}

/** The address of this page with some of it changed; undefined removes. */
export function href(filters: Filters, change: Change): string {
  return changed(filters.all, change);
}

/** The address of another view with the same filters. */
export function viewHref(filters: Filters, view: string, change: Change = {}): string {
  const next = new URLSearchParams(filters.all);
  // the window of a drill-down is the answer's, not what somebody chose
  if (next.has("population")) ["start", "end"].forEach((name) => next.delete(name));
  LOCAL.forEach((name) => next.delete(name));
  return changed(next, { view, ...change });
}

/** Turn a link of the API to items into the address of the page that lists them. */
export function itemsHref(filters: Filters, link: string): string {
  const asked = new URL(link, location.origin).searchParams;
  const change: Change = { days: undefined };
  for (const name of new Set(asked.keys())) change[name] = asked.getAll(name);
  return viewHref(filters, "items", change);
}

export interface WindowQuery {
  stream?: string;
  days?: number;
  start?: string;
  end?: string;
  type?: ItemType[];
  clock?: Clock;
  tz?: string;
}

/** What the flow metrics are asked with. */
export function windowQuery(filters: Filters): WindowQuery {
  return {
    ...(filters.stream && { stream: filters.stream }),
    ...window_(filters),
    ...(filters.type.length > 0 && { type: filters.type }),
    ...(filters.clock !== "elapsed" && { clock: filters.clock }),
    ...(filters.tz && { tz: filters.tz }),
  };
}

function window_({ days, start, end }: Filters): Pick<WindowQuery, "days" | "start" | "end"> {
  if (start) return { start, ...(end && { end }) };
  if (days <= LONGEST_ROLLING_DAYS) return { days };
  const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS; // a steady question can be answered from what is kept
  return { start: new Date(hour - days * 24 * HOUR_MS).toISOString() };
}

const listeners = new Set<() => void>();

function announce(): void {
  listeners.forEach((listener) => listener());
}

/** Go to an address of this page; `replace` leaves no step to go back to. */
export function go(address: string, replace = false): void {
  if (address === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  announce();
}

/** Follow links within the page without loading it again. */
function followed(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a[href]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const to = link?.getAttribute("href");
  if (!to || !plain || event.defaultPrevented || link?.hasAttribute("download")) return;
  if (to !== "/" && !to.startsWith("/?")) return;
  event.preventDefault();
  go(to);
  if (!link?.closest("[data-stay]")) scrollTo(0, 0);
}

addEventListener("popstate", announce);
document.addEventListener("click", followed);

/** The filters, kept up with the address. */
export function useFilters(): Filters {
  const [filters, setFilters] = useState(() => parse(location.search));
  useEffect(() => {
    const update = () => setFilters(parse(location.search));
    listeners.add(update);
    return () => {
      listeners.delete(update);
    };
  }, []);
  return filters;
}
