/** How much was in process, bucket by bucket. */
import type { Answer } from "../api/client";
import { shortDay } from "../format/instant";
import { count, decimal, plural } from "../format/number";
import { go, windowQuery } from "../state/filters";
import { type Context, type PictureProps, define, otherOf } from "./chart";
import { useCursor } from "./parts/cursor";
import { Drawing, TimeAxis, ValueAxis, countRoom, innerBox, pictureHeight } from "./parts/frame";
import { Legend, otherEntry } from "./parts/legend";
import { Rules, ruleRoom } from "./parts/rules";
import { timeScale, valueScale, wholeTicks } from "./parts/scale";
import { type Series, between, bucketOf, path, pointsOf, within } from "./parts/series";
import { Tip, Walk, nearestAlong, tipHeight } from "./parts/walk";

/** Mean over the window's time, which is not that over its buckets. */
const averageOf = (context: Context) => (context.beside[0] as Answer<"/api/v1/metrics/littles-law">).avg_wip;

function answer(data: Series, context: Context): string {
  const now = pointsOf(data).at(-1)?.wip_at_end ?? 0;
  return `${plural(now, "item")} ${now === 1 ? "is" : "are"} in process at the end, ${decimal(averageOf(context))} on average.`;
}

function Picture({ data, width, context }: PictureProps<Series>) {
  const height = pictureHeight(width);
  const points = pointsOf(data);
  const other = otherOf<Series>(context);
  const before = other ? pointsOf(other.data) : [];
  const most = Math.max(...[...points, ...before].map((each) => Math.max(each.wip_at_end, each.wip)));
  const box = innerBox(width, height, { left: countRoom(most), right: ruleRoom(width) });
  const x = timeScale(data.period_start, data.period_end, box);
  const y = valueScale(most, box);
  const behind = before.map((each) => [x(Date.parse(each.end) + (other?.shift ?? 0)), y(each.wip_at_end)] as const).filter(([px]) => px <= box.right + 1);
  const line = points.map((each) => [x(Date.parse(each.end)), y(each.wip_at_end)] as const);
  const open = (place: number) => {
    const each = points[place];
    if (each) go(context.itemsHref(within(data.links.wip_at_end, each.start, each.end)));
  };
  const cursor = useCursor(points.length, open);
  const chosen = cursor.place === null ? undefined : points[cursor.place];
  const at = cursor.place === null ? undefined : line[cursor.place];
  return (
    <Walk cursor={cursor} label={`Items in process at the end of each ${data.bucket}`} width={width} nearest={(px) => nearestAlong(line.map(([each]) => each), px)} open={open}>
      <Drawing width={width} height={height} label={context.said}>
        <path class="soft-active" d={between(line, line.map(([px]) => [px, box.bottom] as const))} />
        <ValueAxis scale={y} box={box} format={count} ticks={wholeTicks(y)} />
        <TimeAxis scale={x} box={box} zone={context.zone} />
        {other && <path class="line line-other" d={path(behind)} />}
        <path class="line line-active" d={path(line)} />
        <Rules width={width} box={box} y={y} rules={[{ name: `average ${decimal(averageOf(context))}`, value: averageOf(context) }]} />
        {at && <circle class="here" cx={at[0]} cy={at[1]} r={6} />}
      </Drawing>
      <Tip>
        {chosen && (
          <>
            End of {shortDay(Date.parse(chosen.end) - 1, context.zone)}: <strong>{count(chosen.wip_at_end)} in process</strong>, {decimal(chosen.wip)} on average in this {data.bucket}
          </>
        )}
      </Tip>
      {other && <Legend entries={[{ mark: "line line-active", shape: "line", name: "this period" }, ...otherEntry(other)]} />}
    </Walk>
  );
}

export const wip = define({
  id: "wip",
  title: "Work in process",
  endpoint: "/api/v1/metrics/series",
  query: (filters) => ({ bucket: bucketOf(filters, 130) }),
  beside: (filters) => [{ path: "/api/v1/metrics/littles-law", query: { ...windowQuery(filters) } }],
  about:
    "Items that lie between the first start and the end: started, neither finished nor given up. The line shows how many there were at the end of each day, week or month; the dashed line is their average over all the time. More work in process at the same throughput means longer cycle times.",
  answer,
  empty: (data) => pointsOf(data).every((each) => each.wip === 0 && each.wip_at_end === 0),
  Picture,
  figures: (data, context) => [
    { name: "on average", value: averageOf(context), kind: "decimal" },
    { name: "at the end", value: pointsOf(data).at(-1)?.wip_at_end, kind: "count" },
    { name: "at most, at the end of a bucket", value: Math.max(...pointsOf(data).map((each) => each.wip_at_end)), kind: "count" },
  ],
  height: (width) => pictureHeight(width) + tipHeight(width),
  table: (data) => ({
    caption: "Items in process by bucket",
    head: ["Bucket", "At its end", "On average"],
    rows: [...pointsOf(data)].reverse().map((each) => [each.partial ? `${each.label}, in part` : each.label, count(each.wip_at_end), decimal(each.wip)]),
  }),
});
