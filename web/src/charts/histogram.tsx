/** How many items took how long, and the percentiles among them. */
import { useState } from "preact/hooks";
import type { Answer } from "../api/client";
import { duration } from "../format/duration";
import { count, percent, plural } from "../format/number";
import { windowQuery } from "../state/filters";
import { type Context, type PictureProps, define, otherOf } from "./chart";
import { cycleTimes } from "./cycle-time-scatter";
import { useCursor } from "./parts/cursor";
import { Drawing, ValueAxis, countRoom, innerBox, pictureHeight } from "./parts/frame";
import { Legend, otherEntry } from "./parts/legend";
import { Picked } from "./parts/picked";
import { weak } from "./parts/rules";
import { valueScale, wholeTicks } from "./parts/scale";
import { Tip, Walk, tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/histogram">;
type Scatter = Answer<"/api/v1/metrics/scatter">;

const scatterOf = (context: Context) => context.beside[0] as Scatter;

function answer(data: Data, context: Context): string {
  if (data.sample_size === 0) return "No item was finished in this window.";
  const scatter = scatterOf(context);
  const p85 = scatter.cycle_time_p85;
  const most = data.bins.reduce((one, other) => (other.count > one.count ? other : one));
  const usual = `${percent(most.share)} took ${range(most, context)}`;
  if (p85 === null || weak(scatter, "p85")) return `${plural(data.sample_size, "item")} finished: ${usual}; too few for more.`;
  return `85${"\u202f"}% of items finished within ${duration(p85, context.clock)}; ${usual}.`;
}

function range({ from_hours: from, to_hours: to }: Data["bins"][number], { clock }: Context): string {
  return from === 0 ? `less than ${duration(to, clock)}` : `${duration(from, clock)} to ${duration(to, clock)}`;
}

const wide = (data: Data) => data.width_hours ?? 1;

/** The other period's bars, as high as they were if they were as wide as this one's. */
function behind(data: Data, other: Data | undefined): Data["bins"] {
  if (!other) return [];
  const scale = wide(data) / wide(other);
  return other.bins.map((bin) => ({ ...bin, count: bin.count * scale }));
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = pictureHeight(width);
  const scatter = scatterOf(context);
  const other = otherOf<Data>(context);
  const before = behind(data, other?.data);
  const most = Math.max(...[...data.bins, ...before].map((bin) => bin.count));
  const box = innerBox(width, height, { left: countRoom(most), top: 50 });
  const y = valueScale(most, box);
  const longest = Math.max(data.bins.at(-1)?.to_hours ?? 1, before.at(-1)?.to_hours ?? 0);
  const x = (hours: number) => box.left + (hours / longest) * (box.right - box.left);
  const [open, setOpen] = useState<number | null>(null);
  const pick = (place: number) => setOpen(open === place ? null : place);
  const cursor = useCursor(data.bins.length, pick);
  const chosen = data.bins[cursor.place ?? -1];
  const picked = data.bins[open ?? -1];
  const inside = picked ? scatter.points.filter((each) => each.cycle_time >= picked.from_hours && each.cycle_time < picked.to_hours) : [];
  const edges = Array.from({ length: Math.floor(longest / wide(data)) + 1 }, (_, place) => place * wide(data));
  const every = Math.ceil((edges.length * 58) / (box.right - box.left));
  const marks = (["p50", "p85", "p95"] as const).flatMap((name) => {
    const hours = scatter[`cycle_time_${name}`];
    return hours === null || weak(scatter, name) ? [] : [{ name: `${name.slice(1)}\u202f%`, hours }];
  });
  return (
    <>
      <Walk
        cursor={cursor}
        label="Bars of the histogram"
        width={width}
        nearest={(px) => {
          const place = data.bins.findIndex((bin) => px >= x(bin.from_hours) && px < x(bin.to_hours));
          return place < 0 ? null : place;
        }}
        open={pick}
        verb="lists the items of"
      >
        <Drawing width={width} height={height} label={context.said}>
          <ValueAxis scale={y} box={box} format={count} ticks={wholeTicks(y)} />
          {data.bins.map((bin, place) => (
            <rect
              key={place}
              class={`fill-active ${place === cursor.place || place === open ? "chosen" : ""}`}
              x={x(bin.from_hours) + 1}
              width={Math.max(1, x(bin.to_hours) - x(bin.from_hours) - 2)}
              y={y(bin.count)}
              height={box.bottom - y(bin.count)}
            />
          ))}
          {before.length > 0 && (
            <path
              class="line line-other"
              d={`M${x(0)} ${box.bottom}${before.map((bin) => `V${y(bin.count).toFixed(1)}H${x(bin.to_hours).toFixed(1)}`).join("")}V${box.bottom}`}
            />
          )}
          {edges.map(
            (hours, place) =>
              place % every === 0 && (
                <text key={hours} x={x(hours)} y={box.bottom + 18} text-anchor="middle">
                  {duration(hours, context.clock)}
                </text>
              ),
          )}
          {marks.map(({ name, hours }, place) => {
            const at = x(hours);
            const left = at > box.right - 80;
            return (
              <g key={name}>
                <line class="rule" x1={at} x2={at} y1={8 + place * 15} y2={box.bottom} />
                <text class="label" x={left ? at - 5 : at + 5} y={12 + place * 15} dy="0.35em" text-anchor={left ? "end" : "start"}>
                  {name} {duration(hours, context.clock)}
                </text>
              </g>
            );
          })}
        </Drawing>
        <Tip>
          {chosen && (
            <>
              {range(chosen, context)}: <strong>{plural(chosen.count, "item")}</strong>, {percent(chosen.share)}
            </>
          )}
        </Tip>
      </Walk>
      {other && <Legend entries={[{ mark: "fill-active", name: "this period" }, ...otherEntry(other).map((each) => ({ ...each, name: `${each.name}, per bar of this width` }))]} />}
      {picked && <Picked title={`${plural(picked.count, "item")}: ${range(picked, context)}`} items={inside} number={picked.count} context={context} />}
    </>
  );
}

export const histogram = define({
  id: "histogram",
  title: "Cycle time histogram",
  endpoint: "/api/v1/metrics/histogram",
  beside: (filters) => [{ path: "/api/v1/metrics/scatter", query: { ...windowQuery(filters) } }],
  about:
    "How many of the finished items took how long, from their first start to their first finish; all bars are equally wide. The dashed lines are percentiles: that share of the items took no longer. A long tail to the right is what makes promises hard, more than a high average. A bar, chosen, lists its items.",
  answer,
  empty: (data) => data.bins.length === 0,
  Picture,
  figures: (_, context) => cycleTimes(scatterOf(context)),
  height: (width) => pictureHeight(width) + tipHeight(width),
  table: (data, context) => ({
    caption: "Items by cycle time",
    head: ["Cycle time", "Items", "Share"],
    rows: data.bins.map((bin) => [range(bin, context), count(bin.count), percent(bin.share)]),
  }),
});
