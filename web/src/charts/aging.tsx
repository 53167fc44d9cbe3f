/** How old the work in process is, beside the pace of what was finished. */
import type { Answer } from "../api/client";
import { duration } from "../format/duration";
import { day } from "../format/instant";
import { count, percent, plural } from "../format/number";
import { go } from "../state/filters";
import { type Context, type PictureProps, define } from "./chart";
import { useCursor } from "./parts/cursor";
import { Drawing, ValueAxis, fitted, innerBox, pictureHeight } from "./parts/frame";
import { Legend, legendHeight, symbol } from "./parts/legend";
import { type Percentile, weak } from "./parts/rules";
import { rootScale } from "./parts/scale";
import { Tip, Walk, nearestPoint, tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/aging">;
type Item = Data["items"][number];
type Pace = Data["pace"][number];

function answer(data: Data, { clock }: Context): string {
  if (data.wip === 0) return "Nothing is in process.";
  const old = data.wip_older_than_p85;
  if (old === null || data.cycle_time_p85 === null || weak(data, "p85")) {
    return `${plural(data.wip, "item")} in process, the oldest for ${duration(data.oldest_age, clock)}; too few are finished to compare them.`;
  }
  return `${count(old)} of ${plural(data.wip, "item")} in process ${old === 1 ? "is" : "are"} older than 85\u202f% of finished ones were in the end: ${duration(data.cycle_time_p85, clock)}.`;
}

const PACE = "pace: 50, 85, 95\u202f% of finished items";

/** With so many marks, they are small and pale. */
const MANY = 800;

/** Rows of the table; the CSV has all. */
const LISTED = 500;

const LEVELS = [
  { mark: "fill-active", shape: "dot", name: "at the usual pace" },
  { mark: "fill-wait", shape: "diamond", name: "slower than 85\u202f% at this stage" },
  { mark: "fill-bad", shape: "triangle", name: "slower than 95\u202f%" },
] as const;

function level(item: Item, pace: Pace | undefined): 0 | 1 | 2 {
  if (!pace) return 0;
  if (pace.p95 !== null && item.age > pace.p95) return 2;
  return pace.p85 !== null && item.age > pace.p85 ? 1 : 0;
}

/** The pace of each stage, without the percentiles that so few finished items cannot support. */
function pacesOf(data: Data): Map<string, Pace> {
  const told = (pace: Pace, name: Percentile) => (weak(data, name) ? null : pace[name]);
  return new Map(data.pace.map((each) => [each.stage, { ...each, p85: told(each, "p85"), p95: told(each, "p95") }]));
}

/** Stages in process in their order, and behind them those that only items tell of. */
function columnsOf(data: Data): string[] {
  return [...new Set([...data.pace.map((each) => each.stage), ...data.items.map((item) => item.stage)])];
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = pictureHeight(width) + 20;
  const box = innerBox(width, height, { right: 8 });
  const columns = columnsOf(data);
  const wide = (box.right - box.left) / columns.length;
  const y = rootScale(Math.max(data.oldest_age ?? 0, data.cycle_time_p95 ?? 0), box);
  const items = [...data.items].sort((one, other) => columns.indexOf(one.stage) - columns.indexOf(other.stage) || one.age - other.age);
  const paces = pacesOf(data);
  const many = items.length > MANY;
  const seen = new Map<string, number>();
  const marks = items.map((item) => {
    const nth = seen.get(item.stage) ?? 0;
    seen.set(item.stage, nth + 1);
    // side by side, so that items of the same age do not hide one another
    const aside = (((nth * 0.381966) % 1) - 0.5) * (many ? 0.86 * wide : Math.min(0.6 * wide, 90));
    return [box.left + (columns.indexOf(item.stage) + 0.5) * wide + aside, y(item.age)] as const;
  });
  const drawn = (wanted: number, blocked: boolean, shape: "dot" | "diamond" | "triangle") =>
    items
      .map((item, place) => {
        const [px, py] = marks[place] ?? [0, 0];
        const here = level(item, paces.get(item.stage)) === wanted && (item.blocked_since !== null) === blocked;
        return here ? symbol(shape, px, py, many ? 2 : 4.5) : "";
      })
      .join("");
  const open = (place: number) => {
    const item = items[place];
    if (item) go(context.itemHref(item.id));
  };
  const cursor = useCursor(items.length, open);
  const chosen = items[cursor.place ?? -1];
  const at = marks[cursor.place ?? -1];
  const ticks = rootTicks(y, box);
  return (
    <>
      <Walk cursor={cursor} label="Items in process" width={width} nearest={(px, py) => nearestPoint(marks, px, py)} open={open}>
        <Drawing width={width} height={height} label={context.said}>
          {columns.map((stage, place) => (
            <Column key={stage} pace={paces.get(stage)} left={box.left + place * wide} wide={wide} y={y} top={box.top} bottom={box.bottom} />
          ))}
          <ValueAxis scale={y} box={box} ticks={ticks} format={(hours) => duration(hours, context.clock)} />
          {columns.map((stage, place) => (
            <text key={stage} x={box.left + (place + 0.5) * wide} y={box.bottom + 18} text-anchor="middle">
              {fitted(stage, wide - 4)}
            </text>
          ))}
          {LEVELS.flatMap(({ mark, shape }, place) =>
            [false, true].map((blocked) => (
              // few paths with many marks are quick with thousands of items
              <path key={`${mark} ${blocked}`} class={`item ${mark} ${blocked ? "blocked" : ""} ${many ? "many" : ""}`} d={drawn(place, blocked, shape)} />
            )),
          )}
          {at && <circle class="ring" cx={at[0]} cy={at[1]} r={9} />}
        </Drawing>
        <Tip>
          {chosen && (
            <>
              {duration(chosen.age, context.clock)} old, in {chosen.stage} for {duration(chosen.time_in_stage, context.clock)}
              {chosen.on_time_probability !== null && `, ${percent(chosen.on_time_probability)} likely on time`}: <strong>{chosen.title}</strong> ({chosen.type})
              {chosen.blocked_since && `, blocked since ${day(chosen.blocked_since, context.zone)}${chosen.blocked_by ? `: ${chosen.blocked_by}` : ""}`}
            </>
          )}
        </Tip>
      </Walk>
      <Legend
        entries={[
          ...LEVELS,
          { mark: "rule soft", shape: "line", name: PACE },
          ...(items.some((item) => item.blocked_since) ? [{ mark: "item blocked", shape: "dot" as const, name: "blocked" }] : []),
        ]}
      />
    </>
  );
}

interface ColumnProps {
  pace: Pace | undefined;
  left: number;
  wide: number;
  y: (hours: number) => number;
  top: number;
  bottom: number;
}

/** The pace of a stage: how old finished items were when they left it. */
function Column({ pace, left, wide, y, top, bottom }: ColumnProps) {
  const at = (hours: number | null | undefined) => (hours === null || hours === undefined ? null : y(hours));
  const [p50, p85, p95] = [at(pace?.p50), at(pace?.p85), at(pace?.p95)];
  return (
    <g>
      {p85 !== null && <rect class="soft-done" x={left} width={wide} y={p85} height={bottom - p85} />}
      {p85 !== null && <rect class="soft-wait" x={left} width={wide} y={p95 ?? top} height={p85 - (p95 ?? top)} />}
      {p95 !== null && <rect class="soft-bad" x={left} width={wide} y={top} height={p95 - top} />}
      {[p50, p85, p95].map((rule, place) => rule !== null && <line key={place} class="rule soft" x1={left} x2={left + wide} y1={rule} y2={rule} />)}
      <line class="grid" x1={left} x2={left} y1={top} y2={bottom} />
    </g>
  );
}

const NICE = [1, 6, 24, 72, 168, 336, 720, 1440, 2160, 4320, 8760, 17520, 43800, 87600];

/** Ticks that have room between them. */
function rootTicks(y: ReturnType<typeof rootScale>, box: { bottom: number; top: number }): number[] {
  const ticks = [0];
  for (const hours of NICE) {
    const last = ticks.at(-1) ?? 0;
    if (y(hours) >= box.top && y(last) - y(hours) >= 26) ticks.push(hours);
  }
  return ticks;
}

export const aging = define({
  id: "aging",
  title: "Age of work in process",
  endpoint: "/api/v1/metrics/aging",
  about:
    "Each mark is an item in process, at its stage and its age since its first start. The dashed lines are the pace of the items finished in the window: how old 50, 85 and 95 % of them were when they had left that stage for good. An item in the amber or red area is slower than those were, and worth asking about first. The scale of ages is drawn by square root, so that young and old items are both seen.",
  answer,
  empty: (data) => data.items.length === 0,
  Picture,
  height: (width) => pictureHeight(width) + 20 + tipHeight(width) + legendHeight(width, [...LEVELS.map((each) => each.name), PACE]),
  table: (data, { clock }) => ({
    caption: "Items in process, the oldest first",
    head: ["Item", "Type", "Stage", "Age", "In the stage for", "On time", "Blocked by"],
    rows: data.items.slice(0, LISTED).map((item) => [
      item.title,
      item.type,
      item.stage,
      duration(item.age, clock),
      duration(item.time_in_stage, clock),
      percent(item.on_time_probability),
      item.blocked_since ? (item.blocked_by ?? "blocked") : "",
    ]),
  }),
});
