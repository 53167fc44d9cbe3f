/** Where everything on the map goes. Pure: the same map and width give the same places. */
import type { components } from "../api/schema";

export type MapAnswer = components["schemas"]["MapAnswer"];
export type MapStage = components["schemas"]["MapStage"];
export type AgingItem = components["schemas"]["AgingItem"];

export interface Column {
  stage: MapStage;
  /** Middle of the column. */
  x: number;
  /** Left edge and width of the box, or of the triangle's ground. */
  left: number;
  width: number;
  dots: { item: AgingItem; x: number; y: number }[];
  /** Rows of dots. */
  rows: number;
  /** Items that found no room for a dot. */
  more: number;
}

export interface Loop {
  from: string;
  to: string;
  moves: number;
  path: string;
  /** The arrow's head, where the work comes back to. */
  head: string;
  width: number;
  label: { x: number; y: number };
}

export interface Geometry {
  width: number;
  height: number;
  columns: Column[];
  loops: Loop[];
  boxTop: number;
  boxHeight: number;
  /** From one figure in a box to the next. */
  pitch: number;
  ladder: { top: number; upper: number; lower: number; bottom: number };
}

const LEAST_COLUMN = 164;
const MOST_COLUMN = 270;
const GAP = 36;
const DOT = 13;
const DOT_ROWS = 4;
const LEAST_DOT_ROWS = 2;
const LOOP_ROOM = 34;
/** Header of a box; its three figures follow, then its dots. */
const HEADER = 50;

export function leastWidth(stages: number): number {
  return stages * LEAST_COLUMN;
}

export function arrange(map: MapAnswer, items: AgingItem[], available: number): Geometry {
  const each = Math.min(MOST_COLUMN, Math.max(LEAST_COLUMN, Math.floor(available / map.stages.length)));
  const width = Math.max(available, each * map.stages.length);
  const shift = (width - each * map.stages.length) / 2;
  const levels = loopLevels(map);
  const boxTop = 16 + (levels.size ? LOOP_ROOM + 16 * Math.max(...levels.values()) : 0);
  const pitch = map.comparison ? 34 : 21; // a difference stands below its figure
  const figures = HEADER + 2 * pitch + (map.comparison ? 24 : 20);
  const dotsTop = boxTop + figures;
  const inStage = (name: string) => items.filter((item) => item.stage === name);
  const columns = map.stages.map((stage, place): Column => {
    const left = shift + place * each + GAP / 2;
    return {
      stage,
      left,
      x: left + (each - GAP) / 2,
      width: each - GAP,
      ...dots(inStage(stage.name), left, each - GAP, dotsTop),
    };
  });
  const rows = Math.max(LEAST_DOT_ROWS, ...columns.map((column) => column.rows));
  const boxHeight = figures + rows * DOT + 14;
  const top = boxTop + boxHeight + 22;
  return {
    width,
    height: top + 88,
    columns,
    loops: loops(map, columns, boxTop, levels),
    boxTop,
    boxHeight,
    pitch,
    ladder: { top, upper: top + 24, lower: top + 60, bottom: top + 84 },
  };
}

function dots(items: AgingItem[], left: number, width: number, top: number): Pick<Column, "dots" | "rows" | "more"> {
  const perRow = Math.max(1, Math.floor((width - 12) / DOT));
  const room = perRow * DOT_ROWS;
  const shown = items.length > room ? items.slice(0, room - 3) : items;
  return {
    dots: shown.map((item, place) => ({
      item,
      x: left + 12 + (place % perRow) * DOT,
      y: top + 6 + Math.floor(place / perRow) * DOT,
    })),
    rows: Math.ceil(shown.length / perRow),
    more: items.length - shown.length,
  };
}

/** Loops that would cross are drawn on levels above one another: short ones lowest. */
function loopLevels(map: MapAnswer): Map<string, number> {
  const order = new Map(map.stages.map((stage) => [stage.name, stage.order]));
  const span = (loop: { from_stage: string; to_stage: string }) =>
    (order.get(loop.from_stage) ?? 0) - (order.get(loop.to_stage) ?? 0);
  const spans = [...new Set(map.rework_loops.map(span))].sort((one, other) => one - other);
  return new Map(map.rework_loops.map((loop) => [`${loop.from_stage}\n${loop.to_stage}`, spans.indexOf(span(loop))]));
}

function loops(map: MapAnswer, columns: Column[], top: number, levels: Map<string, number>): Loop[] {
  const most = Math.max(1, ...map.rework_loops.map((loop) => loop.moves));
  return map.rework_loops.flatMap((loop) => {
    const from = columns.find((column) => column.stage.name === loop.from_stage);
    const to = columns.find((column) => column.stage.name === loop.to_stage);
    if (!from || !to) return [];
    const level = levels.get(`${loop.from_stage}\n${loop.to_stage}`) ?? 0;
    const [x1, x2] = [from.x - 10, to.x + 10];
    const peak = top - 20 - level * 16;
    const bend = Math.min(24, (x1 - x2) / 2);
    return {
      from: loop.from_stage,
      to: loop.to_stage,
      moves: loop.moves,
      width: 1.5 + 7 * (loop.moves / most),
      head: `M${x2 - 6.5} ${top - 13}h13l-6.5 12Z`,
      path: `M${x1} ${top - 2}C${x1} ${peak},${x1 - bend / 2} ${peak},${x1 - bend} ${peak}H${x2 + bend}C${x2 + bend / 2} ${peak},${x2} ${peak},${x2} ${top - 9}`,
      label: { x: (x1 + x2) / 2, y: peak - 8 },
    };
  });
}
