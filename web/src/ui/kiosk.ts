/** The wall screen: the map and each chart in turn, without anything to press. Escape ends it. */
import { useEffect } from "preact/hooks";
import { charts } from "../charts";
import { type Filters, go, viewHref } from "../state/filters";

const SHOWN_MS = 20_000;

export function useKiosk(filters: Filters): void {
  const { kiosk, all } = filters;
  useEffect(() => {
    if (!kiosk) return;
    const stops = [viewHref(filters, "map"), ...charts.map((chart) => viewHref(filters, "flow", { chart: chart.id }))];
    const here = all.get("chart") ? 1 + charts.findIndex((chart) => chart.id === all.get("chart")) : 0;
    const next = stops[(here + 1) % stops.length] ?? "/";
    const timer = setTimeout(() => go(next, true), SHOWN_MS);
    const leave = (event: KeyboardEvent) => event.key === "Escape" && go(viewHref(filters, "map", { kiosk: undefined }), true);
    addEventListener("keydown", leave);
    return () => {
      clearTimeout(timer);
      removeEventListener("keydown", leave);
    };
  }, [filters]);
}
