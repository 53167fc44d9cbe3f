/** Cycle time of each finished item, with percentile lines and the service level expectation. */
import type { Answer } from "../api/client";
import { duration, exactly } from "../format/duration";
import { minute } from "../format/instant";
import { count, percent } from "../format/number";
import { go } from "../state/filters";
import { type Context, type PictureProps, define } from "./chart";
import { useCursor } from "./parts/cursor";
import { Drawing, TimeAxis, ValueAxis, innerBox, pictureHeight } from "./parts/frame";
import { hourTicks, timeScale, valueScale } from "./parts/scale";

type Data = Answer<"/api/v1/metrics/scatter">;

const DOT = 6;
const REACH = 24;

function answer(data: Data, { clock }: Context): string {
  if (data.sample_size === 0) return "No item was finished in this window.";
  const { p, hours } = data.expectation;
  if (hours !== null) return `${percent(p)} of items can be expected to finish within ${duration(hours, clock)}.`;
  return `Half of the ${count(data.sample_size)} finished items took ${duration(data.cycle_time_p50, clock)} or less; too few for a promise.`;
}

/** The lines, highest first; a percentile that so few items cannot support is not drawn. */
function lines(data: Data): { name: string; hours: number }[] {
  const all = [
    { name: "95 %", key: "cycle_time_p95", hours: data.cycle_time_p95 },
    { name: "85 %", key: "cycle_time_p85", hours: data.cycle_time_p85 },
    { name: "50 %", key: "cycle_time_p50", hours: data.cycle_time_p50 },
  ] as const;
  return all.flatMap(({ name, key, hours }) =>
    hours === null || data.low_confidence.includes(key) ? [] : [{ name, hours }],
  );
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = pictureHeight(width);
  const box = innerBox(width, height, { right: 92 });
  const greatest = data.points.reduce((most, point) => Math.max(most, point.cycle_time), data.expectation.hours ?? 0);
  const x = timeScale(data.period_start, data.period_end, box);
  const y = valueScale(greatest, box);
  const places = data.points.map((point) => [x(Date.parse(point.finished_at)), y(point.cycle_time)] as const);
  const cursor = useCursor(places.length, (place) => {
    const point = data.points[place];
    if (point) go(context.itemHref(point.id));
  });
  const chosen = cursor.place === null ? undefined : data.points[cursor.place];
  const at = cursor.place === null ? undefined : places[cursor.place];

  function nearest(event: PointerEvent): number | null {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    const scale = width / frame.width;
    const [px, py] = [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
    let best: number | null = null;
    let least = REACH * REACH;
    places.forEach(([cx, cy], place) => {
      const distance = (cx - px) ** 2 + (cy - py) ** 2;
      if (distance < least) [best, least] = [place, distance];
    });
    return best;
  }

  return (
    <div
      class="chart-focus"
      tabIndex={0}
      role="group"
      aria-label="Finished items. Arrow keys walk through them, Enter opens one."
      onKeyDown={cursor.onKeyDown}
      onBlur={cursor.onBlur}
      onPointerMove={(event) => cursor.choose(nearest(event))}
      onPointerLeave={() => cursor.choose(null)}
      onClick={() => chosen && go(context.itemHref(chosen.id))}
    >
      <Drawing width={width} height={height} label={answer(data, context)}>
        <ValueAxis scale={y} box={box} ticks={hourTicks(y)} format={(hours) => duration(hours, context.clock)} />
        <TimeAxis scale={x} box={box} zone={context.zone} />
        {/* one path of dots without length is quick with tens of thousands */}
        <path class="dots" stroke-width={DOT} d={places.map(([cx, cy]) => `M${cx.toFixed(1)} ${cy.toFixed(1)}h0`).join("")} />
        <Lines data={data} y={y} box={box} context={context} />
        {at && <circle class="here" cx={at[0]} cy={at[1]} r={DOT} />}
      </Drawing>
      <p class="tip" aria-live="polite">
        {chosen && (
          <>
            <strong>{chosen.title}</strong> ({chosen.type}): <span title={exactly(chosen.cycle_time)}>{duration(chosen.cycle_time, context.clock)}</span>
            , finished {minute(chosen.finished_at, context.zone)}
          </>
        )}
      </p>
    </div>
  );
}

interface LinesProps {
  data: Data;
  y: (hours: number) => number;
  box: { left: number; right: number };
  context: Context;
}

function Lines({ data, y, box, context }: LinesProps) {
  const rules = lines(data).map((line) => ({ ...line, promise: false }));
  const { p, hours } = data.expectation;
  if (hours !== null) rules.push({ name: `SLE ${Math.round(p * 100)} %`, hours, promise: true });
  rules.sort((one, other) => other.hours - one.hours);
  let lowest = -Infinity;
  return (
    <g>
      {rules.map(({ name, hours: value, promise }) => {
        const at = y(value);
        lowest = Math.max(at, lowest + 14); // labels give way to one another
        return (
          <g key={name}>
            <line class={promise ? "rule promise" : "rule soft"} x1={box.left} x2={box.right} y1={at} y2={at} />
            <text class={promise ? "strong" : ""} x={box.right + 5} y={lowest} dy="0.35em">
              {name.replace(" %", "\u202f%")} {duration(value, context.clock)}
            </text>
          </g>
        );
      })}
    </g>
  );
}

export const cycleTimeScatter = define({
  id: "cycle-time-scatter",
  title: "Cycle time",
  endpoint: "/api/v1/metrics/scatter",
  about:
    "Each dot is a finished item: when it was finished, and how long that took from its first start. The dashed lines are percentiles of these items. The solid line is the service level expectation: what can be promised for the next item with 95 % confidence. A wide cloud means that nobody can tell when something will be done.",
  answer,
  empty: (data) => data.points.length === 0,
  Picture,
  height: (width) => pictureHeight(width) + 22,
  table: (data, { clock, zone }) => ({
    caption: data.truncated ? "Finished items, the latest" : "Finished items",
    head: ["Item", "Type", "Finished", "Cycle time"],
    rows: data.points
      .slice(-500)
      .reverse()
      .map((point) => [point.title, point.type, minute(point.finished_at, zone), duration(point.cycle_time, clock)]),
  }),
  csv: true,
});
