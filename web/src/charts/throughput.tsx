/** How much was finished, and how much was started, bucket by bucket; with the limits of natural variation. */
import { shortDay } from "../format/instant";
import { count, decimal, plural } from "../format/number";
import { go } from "../state/filters";
import { type PictureProps, define, otherOf } from "./chart";
import { useCursor } from "./parts/cursor";
import { Drawing, TimeAxis, ValueAxis, countRoom, innerBox, pictureHeight } from "./parts/frame";
import { Legend, legendHeight, otherEntry, symbol } from "./parts/legend";
import { Rules, ruleRoom } from "./parts/rules";
import { timeScale, valueScale, wholeTicks } from "./parts/scale";
import { type Point, type Series, bucketOf, path, pointsOf, sum, within } from "./parts/series";
import { Tip, Walk, nearestAlong, tipHeight } from "./parts/walk";

const limitsOf = (data: Series) => data.series[0]?.throughput_limits ?? null;

/** Whole weeks that natural variation does not explain. */
function outside(data: Series): Point[] {
  const limits = limitsOf(data);
  return limits ? pointsOf(data).filter((each) => !each.partial && (each.throughput > limits.upper || each.throughput < limits.lower)) : [];
}

function answer(data: Series): string {
  const points = pointsOf(data);
  const [done, started] = [sum(points, (each) => each.throughput), sum(points, (each) => each.started)];
  const counted = `${plural(done, "item")} finished, ${count(started)} started`;
  const limits = limitsOf(data);
  if (!limits) return `${counted}.`;
  const strange = outside(data).length;
  const range = `a week brings ${decimal(limits.lower)} to ${decimal(limits.upper)} by itself`;
  return `${counted}; ${range}, ${strange ? `and ${plural(strange, "week")} stood out` : "and no week stood out"}.`;
}

function Picture({ data, width, context }: PictureProps<Series>) {
  const height = pictureHeight(width);
  const limits = limitsOf(data);
  const points = pointsOf(data);
  const other = otherOf<Series>(context);
  const before = other ? pointsOf(other.data).filter((each) => !each.partial) : [];
  const most = Math.max(limits?.upper ?? 0, ...[...points, ...before].map((each) => Math.max(each.throughput, each.started)));
  const box = innerBox(width, height, { left: countRoom(most), right: limits ? ruleRoom(width) : 14 });
  const x = timeScale(data.period_start, data.period_end, box);
  const y = valueScale(most, box);
  const middle = (each: Point, shift = 0) => x((Date.parse(each.start) + Date.parse(each.end)) / 2 + shift);
  const behind = before.map((each) => [middle(each, other?.shift), y(each.throughput)] as const).filter(([px]) => px >= box.left && px <= box.right);
  const finished = points.map((each) => [middle(each), y(each.throughput)] as const);
  const started = points.map((each) => [middle(each), y(each.started)] as const);
  const open = (place: number) => {
    const each = points[place];
    if (each) go(context.itemsHref(within(data.links.throughput, each.start, each.end)));
  };
  const cursor = useCursor(points.length, open);
  const chosen = cursor.place === null ? undefined : points[cursor.place];
  const at = cursor.place === null ? undefined : finished[cursor.place];
  const strange = new Set(outside(data));
  const parts = (line: (readonly [number, number])[]) => line.filter((_, place) => !points[place]?.partial);
  return (
    <>
      <Walk cursor={cursor} label={`Finished and started items by ${data.bucket}`} width={width} nearest={(px) => nearestAlong(finished.map(([each]) => each), px)} open={open}>
        <Drawing width={width} height={height} label={context.said}>
          {limits && <rect class="soft-done" x={box.left} width={box.right - box.left} y={y(limits.upper)} height={y(limits.lower) - y(limits.upper)} />}
          <ValueAxis scale={y} box={box} format={count} ticks={wholeTicks(y)} />
          <TimeAxis scale={x} box={box} zone={context.zone} />
          {other && <path class="line line-other" d={path(behind)} />}
          <path class="line thin line-active" d={path(parts(started))} />
          {started.map(([px, py], place) => (
            <path key={place} class={`mark line-active ${points[place]?.partial ? "hollow" : "fill-active"}`} d={symbol("diamond", px, py, 3)} />
          ))}
          <path class="line line-done" d={path(parts(finished))} />
          {finished.map(([px, py], place) => {
            const each = points[place];
            const odd = each && strange.has(each);
            return <path key={place} class={`mark ${odd ? "line-bad fill-bad" : `line-done ${each?.partial ? "hollow" : "fill-done"}`}`} d={symbol(odd ? "triangle" : "dot", px, py, odd ? 6 : 3.5)} />;
          })}
          {limits && (
            <Rules
              width={width}
              box={box}
              y={y}
              rules={[
                { name: `upper ${decimal(limits.upper)}`, value: limits.upper },
                { name: `mean ${decimal(limits.mean)}`, value: limits.mean, strong: true },
                { name: `lower ${decimal(limits.lower)}`, value: limits.lower },
              ]}
            />
          )}
          {at && <circle class="here" cx={at[0]} cy={at[1]} r={6} />}
        </Drawing>
        <Tip>
          {chosen && (
            <>
              {data.bucket === "day" ? shortDay(chosen.start, context.zone) : chosen.label}
              {chosen.partial && ", in part"}: <strong>{count(chosen.throughput)} finished</strong>, {count(chosen.started)} started, {count(chosen.created)} created
            </>
          )}
        </Tip>
      </Walk>
      <Legend
        entries={[
          { mark: "fill-done", shape: "dot", name: "finished" },
          { mark: "fill-active", shape: "diamond", name: "started" },
          ...otherEntry(other).map((each) => ({ ...each, name: `finished, ${each.name}` })),
          ...(points.some((each) => each.partial) ? [{ mark: "mark hollow line-muted", shape: "dot" as const, name: `a ${data.bucket} in part` }] : []),
          ...(limits ? [] : [{ mark: "soft-done", name: data.bucket === "week" ? "limits take ten whole weeks" : "limits are those of weeks" }]),
        ]}
      />
    </>
  );
}

export const throughput = define({
  id: "throughput",
  title: "Throughput and arrivals",
  endpoint: "/api/v1/metrics/series",
  query: (filters) => ({ bucket: bucketOf(filters, 16, ["day", "week"]) === "day" ? "day" : bucketOf(filters, 160, ["week", "month"]) }),
  about:
    "How many items were finished and started in each day, week or month of the window; a hollow mark is a bucket of which the window holds only a part. The green area is how far whole weeks vary by themselves: mean ± 2.66 times the mean difference of successive weeks. A week within it has no special cause; asking for one gets an excuse. Started above finished for weeks means that work in process grows.",
  answer,
  empty: (data) => pointsOf(data).every((each) => each.throughput + each.started === 0),
  Picture,
  figures: (data) => {
    const points = pointsOf(data);
    const days = (Date.parse(data.period_end) - Date.parse(data.period_start)) / 86_400_000;
    const figure = (name: string, of: (each: Point) => number) => ({ name, value: sum(points, of), kind: "count" as const });
    return [
      figure("finished", (each) => each.throughput),
      figure("started", (each) => each.started),
      figure("created", (each) => each.created),
      figure("discarded", (each) => each.discarded),
      figure("reopened", (each) => each.reopened),
      { name: "finished per week", value: (sum(points, (each) => each.throughput) / days) * 7, kind: "decimal" },
    ];
  },
  height: (width) => pictureHeight(width) + tipHeight(width) + legendHeight(width, ["finished", "started", "a week in part"]),
  table: (data) => ({
    caption: "Items by bucket",
    head: ["Bucket", "Finished", "Started", "Created", "Discarded", "Reopened"],
    rows: [...pointsOf(data)].reverse().map((each) => [
      each.partial ? `${each.label}, in part` : each.label,
      ...[each.throughput, each.started, each.created, each.discarded, each.reopened].map(count),
    ]),
  }),
});
