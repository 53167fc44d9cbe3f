/** When all that is known lies before the period: where it lies, and the way there. */
import { day } from "../format/instant";
import { type Filters, href, viewHref } from "../state/filters";
import type { Explanation } from "./explain";

const DAY_MS = 86_400_000;
const DAYS = 90;

type Told = Pick<Explanation, "last_event_at" | "period_start" | "timezone">;

export function OldNews({ told, filters }: { told: Told | undefined; filters: Filters }) {
  if (told && !told.last_event_at) {
    return (
      <p class="note row no-print">
        <span>Nothing has moved here yet.</span>
        <a href={viewHref(filters, "map")}>Three ways to begin</a>
      </p>
    );
  }
  if (!told?.last_event_at || told.last_event_at >= told.period_start) return null;
  const end = Math.ceil(Date.parse(told.last_event_at) / DAY_MS) * DAY_MS;
  const at = (instant: number) => new Date(instant).toISOString();
  return (
    <p class="note row no-print">
      <span>Nothing moved in this period. The newest move is of {day(told.last_event_at, told.timezone)}.</span>
      <a class="button" href={href(filters, { days: undefined, start: at(end - DAYS * DAY_MS), end: at(end) })}>
        Show the {DAYS} days up to then
      </a>
    </p>
  );
}
