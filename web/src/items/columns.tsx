/** The columns of the table of items: what they show, and how they are sorted. */
import type { ComponentChild } from "preact";
import type { Item } from "../api/use-items";
import { duration, exactly } from "../format/duration";
import { day, second } from "../format/instant";
import { RISK_WORDS, type Risk } from "../map/risk";

export interface Row {
  item: Item;
  now: number;
  risk: Risk | null;
  blocked: boolean;
}

export interface CellContext {
  zone: string;
  itemHref: (id: number) => string;
}

export interface Column {
  key: string;
  name: string;
  number?: boolean;
  /** What rows are sorted by; null goes last. */
  value: (row: Row) => string | number | null;
  cell: (row: Row, context: CellContext) => ComponentChild;
}

const HOUR_MS = 3_600_000;
const RANK: Record<Risk, number> = { late: 0, risk: 1, fine: 2 };

const hours = (from: string | null, to: string | null, now: number) =>
  from === null ? null : ((to === null ? now : Date.parse(to)) - Date.parse(from)) / HOUR_MS;

/** Since its start: its age while in process, its cycle time once finished. */
const age = ({ item, now }: Row) => hours(item.started_at, item.finished_at ?? item.cancelled_at, now);

/** Where it is now, unless it is over. An item that was finished and has a risk is open again. */
function inStage({ item, now, risk }: Row): number | null {
  const over = item.cancelled_at !== null || (item.finished_at !== null && risk === null);
  return over ? null : hours(item.current_stage_since, null, now);
}

function stateOf(item: Item): string {
  if (item.cancelled_at) return "cancelled";
  if (item.finished_at) return "finished";
  return item.started_at ? "in process" : "waiting";
}

function Time({ value }: { value: number | null }) {
  return <span title={exactly(value)}>{duration(value)}</span>;
}

export const COLUMNS: Column[] = [
  {
    key: "title",
    name: "Item",
    value: ({ item }) => item.title.toLowerCase(),
    cell: ({ item }, { itemHref }) => (
      <a href={itemHref(item.id)} title={item.external_key ? `${item.external_key}: ${item.title}` : item.title}>
        {item.title}
      </a>
    ),
  },
  { key: "type", name: "Type", value: ({ item }) => item.type, cell: ({ item }) => item.type },
  { key: "stage", name: "Stage", value: ({ item }) => item.current_stage, cell: ({ item }) => item.current_stage ?? "none" },
  {
    key: "risk",
    name: "State",
    value: ({ item, risk }) => (risk ? RANK[risk] : 3 + stateOf(item).length),
    cell: ({ item, risk, blocked }) =>
      blocked ? (
        <span class="tag wait">blocked</span>
      ) : risk && risk !== "fine" ? (
        <span class="tag bad" title={RISK_WORDS[risk]}>
          {risk === "late" ? "late" : "at risk"}
        </span>
      ) : (
        stateOf(item)
      ),
  },
  {
    key: "in_stage",
    name: "In stage",
    number: true,
    value: inStage,
    cell: (row) => (inStage(row) === null ? "" : <Time value={inStage(row)} />),
  },
  { key: "age", name: "Age or cycle time", number: true, value: age, cell: (row) => <Time value={age(row)} /> },
  {
    key: "created",
    name: "Created",
    number: true,
    value: ({ item }) => Date.parse(item.created_at),
    cell: ({ item }, { zone }) => <span title={second(item.created_at, zone)}>{day(item.created_at, zone)}</span>,
  },
];

/** Sort by a column's key; a leading minus turns the order around. */
export function sorted(rows: Row[], by: string): Row[] {
  const down = by.startsWith("-");
  const column = COLUMNS.find((each) => each.key === by.replace(/^-/, ""));
  if (!column) return rows;
  const sign = down ? -1 : 1;
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .sort((one, other) => {
      if (one.value === null || other.value === null) return Number(one.value === null) - Number(other.value === null);
      return one.value < other.value ? -sign : one.value > other.value ? sign : 0;
    })
    .map(({ row }) => row);
}
