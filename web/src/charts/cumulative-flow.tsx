/** How far work has come, day by day: a line for each stage, and between them what lies in it. */
import { useState } from "preact/hooks";
import type { Answer } from "../api/client";
import { shortDay } from "../format/instant";
import { count } from "../format/number";
import { type PictureProps, define } from "./chart";
import { useCursor } from "./parts/cursor";
import { Drawing, TimeAxis, ValueAxis, countRoom, innerBox, pictureHeight } from "./parts/frame";
import { Legend, legendHeight } from "./parts/legend";
import { timeScale, valueScale, wholeTicks } from "./parts/scale";
import { between, bucketOf, path, sum, within } from "./parts/series";
import { Walk, nearestAlong } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/cumulative-flow">;

/** What a legend of the default stages takes. */
const USUAL = ["Backlog 48", "Analysis 3", "Development 12", "Testing 6", "Deployment 3", "Out 182"];

function answer(data: Data): string {
  const { opening, points } = data;
  const last = points.at(-1);
  if (!last) return "Nothing has happened in this window.";
  const change = last.wip - opening.wip;
  const how =
    change === 0 ? `Work in process is at ${count(last.wip)} as it was` : `Work in process ${change > 0 ? "rose" : "fell"} from ${count(opening.wip)} to ${count(last.wip)}`;
  const [came, went] = [sum(points, (each) => each.entered_doing), sum(points, (each) => each.left_doing)];
  return `${how}: ${count(came)} came in, ${count(went)} went out.`;
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = pictureHeight(width);
  const stages = data.stages.filter((stage) => stage.zone !== "done");
  const states = [data.opening, ...data.points];
  const ends = [data.period_start, ...data.points.map((each) => each.end)];
  const most = Math.max(...states.map((state) => Math.max(state.out, ...Object.values(state.lines))));
  const box = innerBox(width, height, { left: countRoom(most) });
  const x = timeScale(data.period_start, data.period_end, box);
  const y = valueScale(most, box);
  const line = (value: (state: Data["opening"]) => number) => states.map((state, place) => [x(Date.parse(ends[place] ?? "")), y(value(state))] as const);
  const tops = stages.map(({ name }) => line((state) => state.lines[name] ?? 0));
  const out = line((state) => state.out);
  const ground = line(() => 0);
  const [pinned, pin] = useState<number | null>(null);
  const cursor = useCursor(states.length, (place) => pin(place));
  const place = cursor.place ?? (pinned !== null && pinned < states.length ? pinned : states.length - 1);
  const state = states[place] ?? data.opening;
  const end = ends[place] ?? data.period_end;
  const at = x(Date.parse(end));
  const doing = stages.findIndex((stage) => stage.zone === "doing");
  const upper = tops[doing]?.[place]?.[1];
  const lower = out[place]?.[1];
  return (
    <>
      <Walk cursor={cursor} label="Days of the diagram" width={width} nearest={(px) => nearestAlong(out.map(([each]) => each), px)} open={pin} verb="holds">
        <Drawing width={width} height={height} label={context.said}>
          <ValueAxis scale={y} box={box} ticks={wholeTicks(y)} format={count} />
          {tops.map((top, stage) => (
            <path key={stage} class={`band f${(stage % 8) + 1}`} d={between(top, tops[stage + 1] ?? out)} />
          ))}
          <path class="soft-done" d={between(out, ground)} />
          {tops.map((top, stage) => (
            <path key={stage} class={`line k${(stage % 8) + 1}`} d={path(top)} />
          ))}
          <path class="line line-done" d={path(out)} />
          <TimeAxis scale={x} box={box} zone={context.zone} />
          <line class="axis" x1={at} x2={at} y1={box.top} y2={box.bottom} />
          {upper !== undefined && lower !== undefined && (
            <g>
              <path class="span" d={`M${at - 3} ${upper}h6M${at} ${upper}V${lower}M${at - 3} ${lower}h6`} />
              <text class="label strong" x={at > width / 2 ? at - 8 : at + 8} y={(upper + lower) / 2} dy="0.35em" text-anchor={at > width / 2 ? "end" : "start"}>
                {count(state.wip)} in process
              </text>
            </g>
          )}
        </Drawing>
      </Walk>
      <div class="ledger">
        <span class="small muted" aria-live="polite">
          In the stages {place ? `on ${shortDay(Date.parse(end) - 1, context.zone)}` : "at the start"}
        </span>
        <Legend
          entries={[
            ...stages.map(({ name }, stage) => ({
              mark: `f${(stage % 8) + 1}`,
              name,
              value: count(state.in_stage[name]),
              href: context.itemsHref(within(data.links[`in_stage:${name}`], data.period_start, place ? end : data.period_end)),
            })),
            { mark: "line line-done", shape: "line", name: "Out", value: count(state.out) },
          ]}
        />
      </div>
    </>
  );
}

export const cumulativeFlow = define({
  id: "cumulative-flow",
  title: "Cumulative flow",
  endpoint: "/api/v1/metrics/cumulative-flow",
  query: (filters) => ({ bucket: bucketOf(filters, 130) }),
  about:
    "A line counts the items that have come to a stage or further, since the window began; the lowest counts those that are out, finished or discarded. The height between two lines is the work that has come no further than that stage: a band that widens is where work piles up. Parallel lines mean that as much leaves as arrives. The figures below the picture are exact, also where items moved back and lie behind the furthest stage they have been in.",
  answer,
  empty: (data) => data.points.length === 0 || (data.opening.wip === 0 && Object.keys(data.opening.lines).every((stage) => !data.points.at(-1)?.lines[stage])),
  Picture,
  figures: (data) => [
    { name: "came in", value: sum(data.points, (each) => each.entered_doing), kind: "count" },
    { name: "went out", value: sum(data.points, (each) => each.left_doing), kind: "count" },
    { name: "in process at the end", value: data.points.at(-1)?.wip, kind: "count" },
    { name: "finished", value: sum(data.points, (each) => each.completed), kind: "count" },
    { name: "discarded", value: sum(data.points, (each) => each.discarded), kind: "count" },
    ...data.stages.filter((stage) => stage.zone !== "done").map(({ name }) => ({ name: `in ${name} at the end`, value: data.points.at(-1)?.in_stage[name], kind: "count" as const })),
  ],
  height: (width) => pictureHeight(width) + 23 + legendHeight(width, USUAL),
  table: (data, { zone }) => ({
    caption: "Who came, who went, and what lies in the stages at the end of each bucket",
    head: ["Until", ...data.stages.filter((stage) => stage.zone !== "done").map((stage) => stage.name), "In process", "Came into process", "Left it", "Finished", "Discarded"],
    rows: [...data.points].reverse().map((each) => [
      shortDay(Date.parse(each.end) - 1, zone),
      ...data.stages.filter((stage) => stage.zone !== "done").map((stage) => count(each.in_stage[stage.name])),
      ...[each.wip, each.entered_doing, each.left_doing, each.completed, each.discarded].map(count),
    ]),
  }),
});
