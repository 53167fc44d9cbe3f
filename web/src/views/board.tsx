/** Items by stage. A card is moved by dragging it, with Shift and an arrow key, or by its button. */
import { useState } from "preact/hooks";
import { useApi } from "../api/use-api";
import { type Item, type Items, useItems } from "../api/use-items";
import { type Stream, useStream } from "../api/use-stream";
import { cancelItem } from "../board/actions";
import { Card } from "../board/card";
import { CreateDialog, MoveDialog, WhyDialog } from "../board/dialogs";
import { useMoves } from "../board/use-moves";
import { count } from "../format/number";
import { type Aging, riskOf } from "../map/risk";
import { type Filters, viewHref } from "../state/filters";
import { ProblemNote, Skeleton } from "../ui/states";

const MOST = 2000;
/** Cards of a column at first; the rest on demand, so that a long backlog does not drown the board. */
const SHOWN = 50;
const DELIVERED_DAYS = 14;

type Asked = { what: "create" } | { what: "move" | "cancel"; item: Item } | null;

export function BoardView({ filters }: { filters: Filters }) {
  const stream = useStream(filters);
  const narrowed = { ...(filters.stream && { stream: filters.stream }), ...(filters.type.length && { type: filters.type }) };
  const todo = useItems({ ...narrowed, state: "backlog" }, MOST);
  const doing = useItems({ ...narrowed, state: "in_progress" }, MOST);
  const done = useApi("/api/v1/work-items", { ...narrowed, population: "throughput", days: DELIVERED_DAYS, limit: 500 });
  const aging = useApi("/api/v1/metrics/aging", narrowed);
  const { move, moving, dialog } = useMoves(stream.data);
  const [asked, setAsked] = useState<Asked>(null);
  const close = () => setAsked(null);
  const problem = stream.problem ?? todo.problem ?? doing.problem ?? done.problem;
  const bounded = { todo: isBounded(todo), doing: isBounded(doing), done: false };
  // more than were read: how many there are, the map knows
  const counted = useApi("/api/v1/value-stream-map", bounded.todo || bounded.doing ? { ...narrowed, days: 1 } : null);
  const totals = new Map(counted.data?.stages.map((stage) => [stage.name, stage.wip]));
  const open = [...(todo.items ?? []), ...(doing.items ?? [])];
  const items = [...open, ...delivered(done.data?.items ?? [], open)].map((item) =>
    moving && moving.item.id === item.id && moving.item.version === item.version ? { ...item, current_stage: moving.to } : item,
  );
  return (
    <>
      <div class="row">
        <h1 class="grow">Board</h1>
        <button class="primary" disabled={!stream.data} onClick={() => setAsked({ what: "create" })}>
          New item
        </button>
      </div>
      <p class="muted small">
        Drag a card, or focus it and press Shift with an arrow key. A move can be taken back. Done stages show what was finished in the last {DELIVERED_DAYS} days.
        {(bounded.todo || bounded.doing) && ` The latest ${count(MOST)} items of each are shown.`}
      </p>
      {problem && <ProblemNote problem={problem} retry={doing.reload} />}
      {!stream.data || !todo.items || !doing.items ? (
        !problem && <Skeleton height={480} />
      ) : (
        <Columns stream={stream.data} items={items} aging={aging.data} totals={totals} filters={filters} move={move} ask={setAsked} />
      )}
      {dialog}
      {asked?.what === "create" && stream.data && <CreateDialog stream={stream.data.key} close={close} />}
      {asked?.what === "move" && (
        <MoveDialog
          request={{ item: asked.item }}
          stages={stream.data?.stages.map((stage) => stage.name) ?? []}
          close={close}
          answer={(request) => {
            close();
            move(request);
          }}
        />
      )}
      {asked?.what === "cancel" && (
        <WhyDialog
          title={`Cancel: ${asked.item.title}`}
          confirm="Cancel the item"
          label="Why is it given up?"
          close={close}
          answer={(reason) => {
            close();
            void cancelItem(asked.item, reason);
          }}
        />
      )}
    </>
  );
}

const isBounded = ({ items, complete, loading }: Items) => items !== undefined && !complete && !loading;

/** What was finished and is not open again, the latest first. */
function delivered(finished: Item[], open: Item[]): Item[] {
  const again = new Set(open.map((item) => item.id));
  return finished
    .filter((item) => !again.has(item.id))
    .sort((one, other) => (other.finished_at ?? "").localeCompare(one.finished_at ?? ""));
}

interface ColumnsProps {
  stream: Stream;
  items: Item[];
  aging: Aging | undefined;
  /** How many items there are by stage, where more than were read. */
  totals: Map<string, number | null>;
  filters: Filters;
  move: ReturnType<typeof useMoves>["move"];
  ask: (asked: Asked) => void;
}

function Columns({ stream, items, aging, totals, filters, move, ask }: ColumnsProps) {
  const [over, setOver] = useState<string | null>(null);
  const [long, setLong] = useState<ReadonlySet<string>>(new Set());
  const ageing = new Map(aging?.items.map((item) => [item.id, item]));
  const names = stream.stages.map((stage) => stage.name);
  return (
    <div class="board" tabIndex={0} role="region" aria-label="Stages">
      {stream.stages.map((stage, place) => {
        const here = items.filter((item) => item.current_stage === stage.name);
        const full = stage.wip_limit !== null && stage.zone !== "done" && here.length >= stage.wip_limit;
        const shown = long.has(stage.name) ? here : here.slice(0, SHOWN);
        return (
          <section
            key={stage.id}
            class={`column ${stage.category}${over === stage.name ? " over" : ""}`}
            aria-labelledby={`column-${stage.id}`}
            data-stage={stage.name}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(stage.name);
            }}
            onDragLeave={() => setOver(null)}
            onDrop={(event) => {
              event.preventDefault();
              setOver(null);
              const item = items.find((each) => String(each.id) === event.dataTransfer?.getData("text/plain"));
              if (item && item.current_stage !== stage.name) move({ item, to: stage.name });
            }}
          >
            <h2 id={`column-${stage.id}`}>
              {stage.name}{" "}
              <span class={full ? "tag bad" : "tag"}>
                {count(here.length)}
                {(totals.get(stage.name) ?? 0) > here.length && ` of ${count(totals.get(stage.name))}`}
                {stage.wip_limit !== null && (totals.size ? `, limit ${stage.wip_limit}` : ` of ${stage.wip_limit}`)}
              </span>
            </h2>
            <ul>
              {shown.map((item) => {
                const ageingItem = ageing.get(item.id);
                return (
                  <Card
                    key={item.id}
                    item={item}
                    href={viewHref(filters, "item", { item: item.id })}
                    risk={aging && ageingItem ? riskOf(ageingItem, aging) : null}
                    blocked={ageingItem?.blocked_by ?? null}
                    step={(by) => {
                      const to = names[place + by];
                      if (to) move({ item, to });
                    }}
                    onMove={() => ask({ what: "move", item })}
                    onCancel={stage.zone === "done" ? undefined : () => ask({ what: "cancel", item })}
                  />
                );
              })}
            </ul>
            {here.length > shown.length && (
              <button onClick={() => setLong(new Set([...long, stage.name]))}>Show {count(here.length - shown.length)} more</button>
            )}
            {here.length === 0 && <p class="muted small">Empty</p>}
          </section>
        );
      })}
    </div>
  );
}
