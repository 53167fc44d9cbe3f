/** The filters of the page; each writes the address, so it can be shared and gone back from. */
import { useApi } from "../api/use-api";
import { isoDay, midnight } from "../format/instant";
import { COMPARISONS } from "../state/comparison";
import { DEFAULT_DAYS, type Filters, TYPES, go, href } from "../state/filters";

const PRESETS = [
  { days: 7, label: "7 days", name: "Last 7 days" },
  { days: 30, label: "30 days", name: "Last 30 days" },
  { days: 90, label: "Quarter", name: "Last 90 days" },
  { days: 365, label: "Year", name: "Last 365 days" },
];

export function FilterBar({ filters }: { filters: Filters }) {
  const streams = useApi("/api/v1/value-streams", {});
  const custom = filters.start !== undefined;
  const set = (change: Parameters<typeof href>[1]) => go(href(filters, change));
  const stream = streams.data?.find((each) => (filters.stream ? each.key === filters.stream : each.is_default));
  const zone = filters.tz ?? stream?.time_zone ?? "UTC";
  return (
    <form class="bar" aria-label="Filters" data-stay onSubmit={(event) => event.preventDefault()}>
      <div class="row">
        <div class="field">
          <label for="f-stream">Value stream</label>
          <select
            id="f-stream"
            value={filters.stream ?? ""}
            onChange={(event) => set({ stream: event.currentTarget.value || undefined })}
          >
            <option value="">{streams.data?.find((each) => each.is_default)?.name ?? "Default"}</option>
            {streams.data
              ?.filter((each) => !each.is_default)
              .map((each) => (
                <option key={each.key} value={each.key}>
                  {each.name}
                </option>
              ))}
          </select>
        </div>
        <div class="field">
          <label id="f-period">Period</label>
          <div class="choices" role="group" aria-labelledby="f-period">
            {PRESETS.map(({ days, label, name }) => (
              <a
                key={days}
                href={href(filters, { days, start: undefined, end: undefined })}
                title={name}
                aria-current={!custom && filters.days === days ? "true" : undefined}
              >
                {label}
              </a>
            ))}
            <button aria-pressed={custom} onClick={() => set(custom ? UNSET : customStart(filters, zone))}>
              Custom
            </button>
          </div>
        </div>
        {custom && <Period id="period" start={filters.start} end={filters.end} zone={zone} labels={["From", "To the end of"]} set={set} />}
        <div class="field">
          <label id="f-type">Type</label>
          <div class="choices" role="group" aria-labelledby="f-type">
            {TYPES.map((type) => (
              <button
                key={type}
                aria-pressed={filters.type.includes(type)}
                onClick={() =>
                  set({
                    type: filters.type.includes(type)
                      ? filters.type.filter((each) => each !== type)
                      : [...filters.type, type],
                  })
                }
              >
                {type}
              </button>
            ))}
          </div>
        </div>
        <div class="field">
          <label for="f-clock">Clock</label>
          <select id="f-clock" value={filters.clock} onChange={(event) => set({ clock: event.currentTarget.value })}>
            <option value="elapsed">All time</option>
            <option value="working">Working time</option>
          </select>
        </div>
        <div class="field">
          <label for="f-tz">Time zone</label>
          <select
            id="f-tz"
            value={filters.tz ?? ""}
            onChange={(event) => set({ tz: event.currentTarget.value || undefined })}
          >
            <option value="">{stream ? `The stream's: ${stream.time_zone}` : "The stream's"}</option>
            {zones(filters.tz).map((zone) => (
              <option key={zone} value={zone}>
                {zone}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="f-compare">Compare with</label>
          <select id="f-compare" value={filters.compare} onChange={(event) => set(comparison(event.currentTarget.value, filters, zone))}>
            <option value="">nothing</option>
            {Object.entries(COMPARISONS).map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </div>
        {filters.compare === "custom" && (
          <Period
            id="compare"
            start={filters.compareStart}
            end={filters.compareEnd}
            zone={zone}
            labels={["Other from", "To the end of"]}
            set={({ start, end }) => set({ compare_start: start, compare_end: end })}
          />
        )}
      </div>
    </form>
  );
}

/** Another period begins as that of equal length before, to be changed. */
function comparison(chosen: string, filters: Filters, zone: string): Parameters<typeof href>[1] {
  const change = { compare: chosen || undefined, compare_start: undefined, compare_end: undefined };
  if (chosen !== "custom") return change;
  const end = filters.start ? Date.parse(filters.start) : Date.now() - filters.days * DAY_MS;
  const long = filters.start ? Date.parse(filters.end ?? new Date().toISOString()) - end : filters.days * DAY_MS;
  const at = (instant: number) => midnight(isoDay(instant, zone), zone);
  return { ...change, compare_start: at(end - long), compare_end: at(end) };
}

const DAY_MS = 86_400_000;
const UNSET = { start: undefined, end: undefined };

function customStart(filters: Filters, zone: string): { start: string; days: undefined } {
  const first = isoDay(Date.now() - (filters.days || DEFAULT_DAYS) * 86_400_000, zone);
  return { start: midnight(first, zone), days: undefined };
}

function zones(chosen: string | undefined): string[] {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [...new Set(["UTC", here, ...(chosen ? [chosen] : [])])].filter(Boolean);
}

function dayAfter(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

interface PeriodProps {
  id: string;
  start?: string;
  end?: string;
  zone: string;
  labels: [string, string];
  set: (change: { start?: string; end?: string }) => void;
}

/** Days of the zone; the last one is included, as people mean it, though the API excludes its end. */
function Period({ id, start, end, zone, labels, set }: PeriodProps) {
  return (
    <>
      <div class="field">
        <label for={`f-${id}-start`}>{labels[0]}</label>
        <input
          id={`f-${id}-start`}
          type="date"
          value={start ? isoDay(start, zone) : ""}
          onChange={(event) => event.currentTarget.value && set({ start: midnight(event.currentTarget.value, zone), end })}
        />
      </div>
      <div class="field">
        <label for={`f-${id}-end`}>{labels[1]}</label>
        <input
          id={`f-${id}-end`}
          type="date"
          value={end ? isoDay(Date.parse(end) - 1, zone) : ""}
          onChange={(event) => set({ start, end: event.currentTarget.value ? midnight(dayAfter(event.currentTarget.value), zone) : undefined })}
        />
      </div>
    </>
  );
}
