/** Items in a table: found by text, state and stage, or exactly those behind a number. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useApi } from "../api/use-api";
import { type Item, type ItemQuery, useItems } from "../api/use-items";
import { useStream } from "../api/use-stream";
import { count } from "../format/number";
import { minute } from "../format/instant";
import { COLUMNS, type Row, sorted } from "../items/columns";
import { VirtualTable } from "../items/virtual-table";
import { riskOf } from "../map/risk";
import { type Filters, go, href, viewHref } from "../state/filters";
import { copyCurl, saveCsv } from "../ui/save";
import { ProblemNote, Skeleton } from "../ui/states";

/** Sorting and searching are the page's; more than these are asked for with a narrower question. */
const MOST = 5000;
const TYPING_MS = 250;
const STATES = [
  ["", "any state"],
  ["open", "open"],
  ["backlog", "waiting to be started"],
  ["in_progress", "in process"],
  ["finished", "finished"],
  ["cancelled", "cancelled"],
] as const;

/** Parameters that only make sense with a population. */
const WINDOW = ["days", "start", "end", "as_of", "tz", "follow_up_days", "clock"];

function queryOf(filters: Filters): ItemQuery {
  const { all } = filters;
  const names = ["stream", "q", "state", "stage", "population", ...(all.has("population") ? WINDOW : [])];
  const query: Record<string, unknown> = {};
  for (const name of names) if (all.get(name)) query[name] = all.get(name);
  if (all.has("type")) query.type = all.getAll("type");
  if (all.has("exclude_types")) query.exclude_types = all.getAll("exclude_types");
  return query as ItemQuery;
}

export function ItemsView({ filters }: { filters: Filters }) {
  const query = queryOf(filters);
  const found = useItems(query, MOST);
  const stream = useStream(filters);
  const aging = useApi("/api/v1/metrics/aging", filters.stream ? { stream: filters.stream } : {});
  const zone = filters.tz ?? stream.data?.time_zone ?? "UTC";
  const sort = filters.all.get("sort") ?? "-created";
  const rows = useMemo(() => {
    const risks = new Map(aging.data?.items.map((item) => [item.id, { item, risk: aging.data ? riskOf(item, aging.data) : "fine" }]));
    const now = Date.now();
    return sorted(
      (found.items ?? []).map((item): Row => {
        const ageing = risks.get(item.id);
        return { item, now, risk: ageing?.risk ?? null, blocked: (ageing?.item.blocked_since ?? null) !== null };
      }),
      sort,
    );
  }, [found.items, aging.data, sort]);
  return (
    <>
      <div class="row">
        <h1 class="grow">Items</h1>
        <button onClick={() => copyCurl(found.address)}>Copy as curl</button>
        <button onClick={() => saveCsv(`${found.address}${found.address.includes("?") ? "&" : "?"}limit=500`, "work-items")}>
          Download CSV
        </button>
      </div>
      <Population filters={filters} zone={zone} />
      <Narrow filters={filters} stages={stream.data?.stages.map((stage) => stage.name) ?? []} />
      {found.problem && <ProblemNote problem={found.problem} retry={found.reload} />}
      <p class="muted small" role="status">
        {found.items ? tally(rows.map((row) => row.item), found.complete, found.loading) : " "}
      </p>
      {found.items ? (
        <VirtualTable
          rows={rows}
          columns={COLUMNS}
          sort={sort}
          onSort={(key) => go(href(filters, { sort: sort === key ? `-${key}` : key }), true)}
          context={{ zone, itemHref: (id) => viewHref(filters, "item", { item: id }) }}
        />
      ) : (
        !found.problem && <Skeleton height={480} />
      )}
    </>
  );
}

function tally(items: Item[], complete: boolean, loading: boolean): string {
  const number = `${count(items.length)} ${items.length === 1 ? "item" : "items"}`;
  if (loading) return `${number} so far …`;
  return complete ? number : `The latest ${number} of more: narrow the question to see others.`;
}

/** Tells whose items these are, when a number led here. */
function Population({ filters, zone }: { filters: Filters; zone: string }) {
  const { all } = filters;
  const population = all.get("population");
  if (!population) return null;
  const when = (name: string) => {
    const instant = all.get(name);
    return instant && minute(instant, zone);
  };
  return (
    <p class="note row">
      <span>
        Exactly the items behind <strong>{population.replaceAll("_", " ")}</strong>
        {all.get("stage") && ` of ${all.get("stage")}`}
        {when("start") && `, from ${when("start")}`}
        {when("end") && ` to ${when("end")}`}
        {when("as_of") && `, as of ${when("as_of")}`}
      </span>
      <a href={viewHref(filters, "items")}>Show all items</a>
    </p>
  );
}

function Narrow({ filters, stages }: { filters: Filters; stages: string[] }) {
  const { all } = filters;
  const known = all.get("q") ?? "";
  const [text, setText] = useState(known);
  useEffect(() => setText(known), [known]);
  useEffect(() => {
    if (text.trim() === known) return;
    const timer = setTimeout(() => go(href(filters, { q: text.trim() || undefined }), true), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <form class="row" role="search" onSubmit={(event) => event.preventDefault()}>
      <div class="field">
        <label for="q">Search titles</label>
        <input id="q" type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for="state">State</label>
        <select id="state" value={all.get("state") ?? ""} onChange={(event) => go(href(filters, { state: event.currentTarget.value }))}>
          {STATES.map(([state, name]) => (
            <option key={state} value={state}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="stage">Stage</label>
        <select id="stage" value={all.get("stage") ?? ""} onChange={(event) => go(href(filters, { stage: event.currentTarget.value }))}>
          <option value="">any stage</option>
          {stages.map((stage) => (
            <option key={stage}>{stage}</option>
          ))}
        </select>
      </div>
    </form>
  );
}
