/** Where an item has been: a lane per stage, a bar per visit, blocks on top. */
import { Drawing, TimeAxis, fitted, innerBox } from "../charts/parts/frame";
import { timeScale } from "../charts/parts/scale";
import type { Stream } from "../api/use-stream";
import { duration } from "../format/duration";
import { minute } from "../format/instant";
import { type History, journeyOf } from "./journey";

const LANE = 34;
const BAR = 18;
/** Width of a letter of a stage's name. */
const LETTER = 7.4;
const HOUR_MS = 3_600_000;

interface Props {
  history: History;
  stream: Stream;
  width: number;
  zone: string;
  /** Hours within which it was expected to finish, from its start. */
  expected: number | null;
}

export function JourneyPicture({ history, stream, width, zone, expected }: Props) {
  const stages = stream.stages.map((stage) => stage.name);
  const journey = journeyOf(history, stages);
  const due = history.started_at && history.age !== null && expected !== null ? Date.parse(history.started_at) + expected * HOUR_MS : null;
  const height = stages.length * LANE + 46;
  const longest = Math.max(...stages.map((name) => name.length));
  const box = innerBox(width, height, { left: width < 500 ? 92 : Math.min(260, Math.max(120, longest * LETTER + 14)), top: 16, right: 18 });
  const end = due !== null ? Math.max(journey.end, Math.min(due, journey.end + (journey.end - journey.start) * 0.35)) : journey.end;
  const x = timeScale(journey.start, end, box);
  const late = due !== null && x(due) < (box.left + box.right) / 2; // the label stands where there is room
  const middle = (lane: number) => box.top + lane * LANE + LANE / 2;
  const steps = journey.bars.slice(1).map((bar, place) => ({ bar, before: journey.bars[place] }));
  return (
    <Drawing width={width} height={height} label={`Journey of ${history.work_item_title} through the stages`}>
      {stream.stages.map((stage, lane) => (
        <g key={stage.id}>
          <line class="grid" x1={box.left} x2={box.right} y1={middle(lane)} y2={middle(lane)} />
          <text class="lane-name" x={box.left - 10} y={middle(lane)} dy="0.35em" text-anchor="end">
            {fitted(stage.name, box.left - 10, LETTER)}
          </text>
        </g>
      ))}
      <TimeAxis scale={x} box={box} zone={zone} />
      {steps.map(({ bar, before }, place) =>
        before ? (
          <path key={place} class={bar.again ? "went back" : "went"} d={`M${x(before.to)} ${middle(before.lane)}V${middle(bar.lane)}`} />
        ) : null,
      )}
      {journey.bars.map((bar, place) => (
        <rect
          key={place}
          class={`visit ${stream.stages[bar.lane]?.category ?? ""}${bar.again ? " again" : ""}`}
          x={x(bar.from)}
          y={middle(bar.lane) - BAR / 2}
          width={Math.max(3, x(bar.to) - x(bar.from))}
          height={BAR}
          rx="3"
        >
          <title>{`${bar.visit.stage}: ${duration(bar.visit.hours, history.clock)}, from ${minute(bar.visit.entered, zone)}`}</title>
        </rect>
      ))}
      {history.blocks.map((block) => {
        const from = Date.parse(block.started_at);
        const to = block.ended_at ? Date.parse(block.ended_at) : Date.parse(history.as_of);
        const bar = journey.bars.find((each) => each.from <= from && from < each.to) ?? journey.bars.at(-1);
        return (
          <line key={block.id} class="stop" x1={x(from)} x2={Math.max(x(from) + 3, x(Math.min(to, end)))} y1={middle(bar?.lane ?? 0)} y2={middle(bar?.lane ?? 0)}>
            <title>{`Blocked: ${block.reason}`}</title>
          </line>
        );
      })}
      {due !== null && due <= end && (
        <g>
          <line class="rule promise" x1={x(due)} x2={x(due)} y1={box.top - 4} y2={box.bottom} />
          <text class="strong label" x={x(due) + (late ? 5 : -5)} y={box.top + 2} text-anchor={late ? "start" : "end"}>
            expected by {minute(due, zone).split(",")[0]}
          </text>
        </g>
      )}
    </Drawing>
  );
}
