/** Cycle time of each finished item, with percentile lines and the service level expectation. */
import type { Answer } from "../api/client";
import { duration, exactly } from "../format/duration";
import { minute } from "../format/instant";
import { count, percent } from "../format/number";
import { go } from "../state/filters";
import { type Context, type PictureProps, define, otherOf } from "./chart";
import type { Figure } from "./parts/compare";
import { useCursor } from "./parts/cursor";
import { Drawing, TimeAxis, ValueAxis, innerBox, pictureHeight } from "./parts/frame";
import { Legend, otherEntry } from "./parts/legend";
import { type Percentile, type Rule, Rules, ruleRoom, weak } from "./parts/rules";
import { hourTicks, timeScale, valueScale } from "./parts/scale";
import { Tip, Walk, nearestPoint, tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/scatter">;

const DOT = 6;

/** With thousands, dots are small and pale, so that where most of them lie shows as darker. */
const MANY = 2000;
/** A path is as dark where it crosses itself; several over one another add up. */
const LAYERS = 8;

function answer(data: Data, { clock }: Context): string {
  if (data.sample_size === 0) return "No item was finished in this window.";
  const { p, hours } = data.expectation;
  const drawn = data.truncated ? ` The latest ${count(data.points.length)} of ${count(data.sample_size)} are drawn.` : "";
  if (hours !== null) return `${percent(p)} of items can be expected to finish within ${duration(hours, clock)}.${drawn}`;
  return `Half of the ${count(data.sample_size)} finished items took ${duration(data.cycle_time_p50, clock)} or less; too few for a promise.`;
}

/** Percentiles, where there are enough items for them, and the promise. */
function lines(data: Data, { clock }: Context): Rule[] {
  const rules = (["p50", "p85", "p95"] as const).flatMap((name): Rule[] => {
    const value = data[`cycle_time_${name}`];
    if (value === null || weak(data, name)) return [];
    return [{ name: `${name.slice(1)}\u202f% ${duration(value, clock)}`, value }];
  });
  const { p, hours } = data.expectation;
  return hours === null ? rules : [...rules, { name: `SLE ${percent(p)} ${duration(hours, clock)}`, value: hours, strong: true }];
}

/** One path of dots without length is quick with tens of thousands. */
const dotsOf = (places: (readonly [number, number])[]) => places.map(([cx, cy]) => `M${cx.toFixed(1)} ${cy.toFixed(1)}h0`).join("");

const layers = <T,>(all: T[], number: number): T[][] => Array.from({ length: number }, (_, place) => all.filter((__, nth) => nth % number === place));

/** What two periods' cycle times are compared by; a percentile of too few items is none. */
export function cycleTimes(data: Data): Figure[] {
  const figure = (name: string, which: Percentile) => ({ name, value: weak(data, which) ? null : data[`cycle_time_${which}`], kind: "hours" as const });
  return [
    figure("85\u202f% within", "p85"),
    figure("half within", "p50"),
    { name: "finished", value: data.sample_size, kind: "count" },
    figure("95\u202f% within", "p95"),
  ];
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = pictureHeight(width);
  const box = innerBox(width, height, { right: ruleRoom(width) });
  const other = otherOf<Data>(context);
  const before = other?.data.points ?? [];
  const greatest = [...data.points, ...before].reduce((most, point) => Math.max(most, point.cycle_time), data.expectation.hours ?? 0);
  const x = timeScale(data.period_start, data.period_end, box);
  const y = valueScale(greatest, box);
  const places = data.points.map((point) => [x(Date.parse(point.finished_at)), y(point.cycle_time)] as const);
  const behind = before.map((point) => [x(Date.parse(point.finished_at) + (other?.shift ?? 0)), y(point.cycle_time)] as const).filter(([px]) => px <= box.right);
  const many = places.length > MANY;
  const p85 = other && !weak(other.data, "p85") ? other.data.cycle_time_p85 : null;
  const open = (place: number) => {
    const point = data.points[place];
    if (point) go(context.itemHref(point.id));
  };
  const cursor = useCursor(places.length, open);
  const chosen = cursor.place === null ? undefined : data.points[cursor.place];
  const at = cursor.place === null ? undefined : places[cursor.place];

  return (
    <Walk cursor={cursor} label="Finished items" width={width} nearest={(px, py) => nearestPoint(places, px, py)} open={open}>
      <Drawing width={width} height={height} label={context.said}>
        <ValueAxis scale={y} box={box} ticks={hourTicks(y)} format={(hours) => duration(hours, context.clock)} />
        <TimeAxis scale={x} box={box} zone={context.zone} />
        {other && <path class={many ? "dots behind many" : "dots behind"} stroke-width={many ? DOT / 2 : DOT - 1} d={dotsOf(behind)} />}
        {p85 !== null && <line class="line line-other" x1={box.left} x2={box.right} y1={y(p85)} y2={y(p85)} />}
        {layers(places, many ? LAYERS : 1).map((dots, place) => (
          <path key={place} class={many ? "dots many" : "dots"} stroke-width={many ? DOT / 2 : DOT} d={dotsOf(dots)} />
        ))}
        <Rules rules={lines(data, context)} y={y} box={box} width={width} />
        {at && <circle class="here" cx={at[0]} cy={at[1]} r={DOT} />}
      </Drawing>
      <Tip>
        {chosen && (
          <>
            <span title={exactly(chosen.cycle_time)}>{duration(chosen.cycle_time, context.clock)}</span>: <strong>{chosen.title}</strong> ({chosen.type}), finished{" "}
              {minute(chosen.finished_at, context.zone)}
          </>
        )}
      </Tip>
      {other && (
        <Legend
          entries={[
            { mark: "fill-active", shape: "dot", name: "this period" },
            ...otherEntry(other, "dot"),
            ...(p85 === null ? [] : otherEntry({ span: `85\u202f% then: ${duration(p85, context.clock)}` })),
          ]}
        />
      )}
    </Walk>
  );
}

export const cycleTimeScatter = define({
  id: "cycle-time-scatter",
  title: "Cycle time",
  endpoint: "/api/v1/metrics/scatter",
  about:
    "Each dot is a finished item: when it was finished, and how long that took from its first start. The dashed lines are percentiles of these items. The solid line is the service level expectation: what can be promised of the next item, from the 90 days before. A wide cloud means that nobody can tell when something will be done.",
  answer,
  empty: (data) => data.points.length === 0,
  Picture,
  figures: cycleTimes,
  height: (width) => pictureHeight(width) + tipHeight(width),
  table: (data, { clock, zone }) => ({
    caption: data.truncated ? "Finished items, the latest" : "Finished items",
    head: ["Item", "Type", "Finished", "Cycle time"],
    rows: data.points
      .slice(-500)
      .reverse()
      .map((point) => [point.title, point.type, minute(point.finished_at, zone), duration(point.cycle_time, clock)]),
  }),
});
