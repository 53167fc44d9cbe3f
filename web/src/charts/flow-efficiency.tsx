/** Which part of the cycle time work was done in, in this window and in those of equal length before it. */
import type { Answer } from "../api/client";
import { duration } from "../format/duration";
import { month, shortDay } from "../format/instant";
import { count, percent, plural, signed } from "../format/number";
import { go, windowQuery } from "../state/filters";
import { type Context, type PictureProps, define, otherOf } from "./chart";
import { useCursor } from "./parts/cursor";
import { Drawing, LONG_MS, ValueAxis, innerBox, pictureHeight } from "./parts/frame";
import { Legend, legendHeight, otherEntry } from "./parts/legend";
import { valueScale } from "./parts/scale";
import { Tip, Walk, tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/stages">;

const WORK = "in work stages, unblocked";
const WAITING = "waiting, parked or blocked";

const WINDOWS = 5;

const REASONS = {
  nothing_finished: "Nothing was finished in this window.",
  no_cycle_time: "The finished items took no time.",
  no_wait_signal: "No stage in process is one of waiting: give waiting stages of its own, and it is seen.",
};

/** Oldest first; the last is the window that is looked at. */
const windowsOf = (data: Data, context: Context) => [...(context.beside as Data[])].reverse().concat(data);

/** When a window begins, as far as it tells windows apart. */
function first({ period_start: start, period_end: end }: Data, zone: string): string {
  return (Date.parse(end) - Date.parse(start) > LONG_MS / 4 ? month : shortDay)(start, zone);
}

function answer(data: Data, context: Context): string {
  const { flow_efficiency: now, flow_efficiency_reason: reason } = data.totals;
  if (now === null) return REASONS[reason ?? "nothing_finished"];
  const before = (context.beside[0] as Data | undefined)?.totals.flow_efficiency ?? null;
  const change = before === null ? 0 : Math.round(now * 100) - Math.round(before * 100);
  const compared = before === null ? "" : change === 0 ? ", as in the period before" : `, ${plural(Math.abs(change), "point")} ${change > 0 ? "more" : "less"} than in the period before`;
  return `At most ${percent(now)} of the cycle time was work, the rest waiting${compared}.`;
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = pictureHeight(width);
  const box = innerBox(width, height, { left: 44 });
  const windows = windowsOf(data, context);
  const y = valueScale(1, box);
  const other = otherOf<Data>(context);
  const before = other?.data.totals.flow_efficiency ?? null;
  const wide = (box.right - box.left) / windows.length;
  const open = (place: number) => {
    const link = windows[place]?.links.throughput;
    if (link) go(context.itemsHref(link));
  };
  const cursor = useCursor(windows.length, open);
  const here = windows[cursor.place ?? -1];
  return (
    <>
      <Walk
        cursor={cursor}
        label="Periods"
        width={width}
        nearest={(px) => {
          const place = Math.floor((px - box.left) / wide);
          return place >= 0 && place < windows.length ? place : null;
        }}
        open={open}
        verb="opens the items finished in"
      >
        <Drawing width={width} height={height} label={context.said}>
          <ValueAxis scale={y} box={box} ticks={[0, 0.25, 0.5, 0.75, 1]} format={percent} />
          {windows.map((each, place) => {
            const share = each.totals.flow_efficiency;
            const left = box.left + (place + 0.14) * wide;
            const middle = box.left + (place + 0.5) * wide;
            return (
              <g key={each.period_start}>
                {share === null ? (
                  <text x={middle} y={box.bottom - 10} text-anchor="middle">
                    –
                  </text>
                ) : (
                  <>
                    <rect class="fill-active" x={left} width={0.72 * wide} y={y(share)} height={box.bottom - y(share)} />
                    <rect class="fill-wait" x={left} width={0.72 * wide} y={box.top} height={Math.max(0, y(share) - box.top - 1)} />
                    <text class="on-mark" x={middle} y={Math.min(y(share) + 16, box.bottom - 8)} text-anchor="middle">
                      {percent(share)}
                    </text>
                  </>
                )}
                {place === cursor.place && <rect class="ring" x={left - 3} width={0.72 * wide + 6} y={box.top - 3} height={box.bottom - box.top + 3} rx="3" />}
                <text x={middle} y={box.bottom + 18} text-anchor="middle">
                  {wide > 62 || place % 2 === 1 ? first(each, context.zone) : ""}
                </text>
              </g>
            );
          })}
          {before !== null && <line class="line line-other" x1={box.left} x2={box.right} y1={y(before)} y2={y(before)} />}
        </Drawing>
        <Tip>
          {here && (
            <>
              From {first(here, context.zone)}, {count(here.sample_size)} finished: <strong>{percent(here.totals.flow_efficiency)}</strong>,{" "}
              {duration(here.totals.active_time_avg, context.clock)} of {duration(here.totals.cycle_time_avg, context.clock)}
            </>
          )}
        </Tip>
      </Walk>
      <Legend
        entries={[
          { mark: "fill-active", name: WORK },
          { mark: "fill-wait", name: WAITING },
          ...(before === null ? [] : otherEntry(other)),
        ]}
      />
    </>
  );
}

export const flowEfficiency = define({
  id: "flow-efficiency",
  title: "Flow efficiency over time",
  endpoint: "/api/v1/metrics/stages",
  beside: (filters, data) => {
    const { stream, type, clock, tz } = windowQuery(filters);
    const [start, end] = [Date.parse(data.period_start), Date.parse(data.period_end)];
    return Array.from({ length: WINDOWS }, (_, place) => ({
      path: "/api/v1/metrics/stages" as const,
      query: {
        ...{ stream, type, clock, tz },
        start: new Date(start - (place + 1) * (end - start)).toISOString(),
        end: new Date(start - place * (end - start)).toISOString(),
      },
    }));
  },
  about:
    "Of the cycle times of the items finished in a period, the part that they spent unblocked in stages of work. Each bar is a period as long as the window, and begins at the day below it; the last is the window itself. It is an upper bound, since nobody works all the time in a stage of work: compare it with itself over time. Where no stage in process is one of waiting there is none.",
  answer,
  empty: (data, context) => windowsOf(data, context).every((each) => each.totals.flow_efficiency === null),
  Picture,
  figures: ({ sample_size, totals }) => [
    { name: "work", value: totals.flow_efficiency, kind: "share" },
    { name: "work per item", value: totals.active_time_avg, kind: "hours" },
    { name: "waiting per item", value: totals.wait_time_avg, kind: "hours" },
    { name: "cycle time", value: totals.cycle_time_avg, kind: "hours" },
    { name: "finished", value: sample_size, kind: "count" },
  ],
  height: (width) => pictureHeight(width) + tipHeight(width) + legendHeight(width, [WORK, WAITING]),
  table: (data, context) => ({
    caption: "Flow efficiency by period",
    head: ["From", "Items finished", "Flow efficiency", "Change, points", "Work per item", "Waiting per item", "Cycle time"],
    rows: windowsOf(data, context)
      .map((each, place, all) => {
        const { sample_size, totals } = each;
        const before = all[place - 1]?.totals.flow_efficiency ?? null;
        const change = before === null || totals.flow_efficiency === null ? null : Math.round(totals.flow_efficiency * 100) - Math.round(before * 100);
        return [
          first(each, context.zone),
          count(sample_size),
          percent(totals.flow_efficiency),
          change === null ? "–" : signed(count(change), change),
          ...[totals.active_time_avg, totals.wait_time_avg, totals.cycle_time_avg].map((hours) => duration(hours, context.clock)),
        ];
      })
      .reverse(),
  }),
});
