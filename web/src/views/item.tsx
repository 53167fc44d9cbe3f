/** One item: where it has been, how it stands, and what can be done with it. */
import { useState } from "preact/hooks";
import { useApi } from "../api/use-api";
import type { Item } from "../api/use-items";
import { type Stream, useStream } from "../api/use-stream";
import { blockItem, cancelItem, endBlock, restoreItem, undo } from "../board/actions";
import { MoveDialog, WhyDialog } from "../board/dialogs";
import { useMoves } from "../board/use-moves";
import { duration, exactly } from "../format/duration";
import { minute } from "../format/instant";
import { percent } from "../format/number";
import type { History } from "../items/journey";
import { JourneyPicture } from "../items/journey-picture";
import { type Filters, viewHref } from "../state/filters";
import { useWidth } from "../ui/measure";
import { copyCurl } from "../ui/save";
import { ProblemNote, Skeleton } from "../ui/states";

type Asked = "move" | "cancel" | "block" | null;

export function ItemView({ filters }: { filters: Filters }) {
  const id = Number(filters.all.get("item"));
  const item = useApi("/api/v1/work-items/{id}", {}, { id });
  const of = { ...filters, stream: item.data?.value_stream ?? filters.stream };
  const stream = useStream(of);
  const clock = filters.clock === "working" ? { clock: filters.clock } : {};
  const history = useApi("/api/v1/work-items/{id}/history", { voided: true, ...clock }, { id });
  const problem = item.problem ?? stream.problem ?? history.problem;
  if (problem) return <ProblemNote problem={problem} retry={history.reload} />;
  if (!item.data || !stream.data || !history.data) return <Skeleton height={480} />;
  return <Journey item={item.data} stream={stream.data} history={history.data} filters={of} address={history.address} />;
}

interface JourneyProps {
  item: Item;
  stream: Stream;
  history: History;
  filters: Filters;
  address: string;
}

function Journey({ item, stream, history, filters, address }: JourneyProps) {
  const [frame, width] = useWidth<HTMLDivElement>();
  const aging = useApi("/api/v1/metrics/aging", { stream: stream.key, ...(filters.clock === "working" && { clock: filters.clock }) });
  const expectation = aging.data?.expectation;
  const zone = filters.tz ?? stream.time_zone;
  const lasting = aging.data?.items.find((each) => each.id === item.id);
  return (
    <>
      <h1 class="title">
        {item.title}
        <span class="tag">{item.type}</span>
        {item.external_key && <span class="muted small">{item.external_key}</span>}
      </h1>
      <p class="answer">{standing(item, history, expectation, lasting?.on_time_probability ?? null)}</p>
      <Actions item={item} stream={stream} history={history} />
      <section class="panel" aria-labelledby="journey">
        <header class="row">
          <h2 id="journey" class="grow">
            Journey
          </h2>
          <button class="plain no-print" onClick={() => copyCurl(address)}>
            Copy as curl
          </button>
        </header>
        <div class="picture" ref={frame}>
          {width > 0 && <JourneyPicture history={history} stream={stream} width={width} zone={zone} expected={filters.clock === "elapsed" ? (expectation?.hours ?? null) : null} />}
        </div>
        <ul class="legend">
          <Key kind="active" name="active stage" />
          <Key kind="wait" name="waiting stage" />
          <Key kind="done" name="done" />
          <Key kind="bad" name="came back, or blocked" />
        </ul>
      </section>
      <Times history={history} zone={zone} />
      <Moves item={item} history={history} zone={zone} />
      <p>
        <a href={viewHref(filters, "items")}>All items</a>
      </p>
    </>
  );
}

function Key({ kind, name }: { kind: string; name: string }) {
  return (
    <li>
      <svg width="14" height="12" aria-hidden="true">
        <rect class={`fill-${kind}`} width="14" height="12" rx="2" />
      </svg>
      {name}
    </li>
  );
}

type Expectation = { p: number; hours: number | null } | undefined;

function standing(item: Item, history: History, expected: Expectation, chance: number | null): string {
  const { clock } = history;
  if (item.cancelled_at) return `Cancelled: ${item.cancel_reason ?? "no reason given"}.`;
  if (history.finished_at) return `Finished in ${duration(history.cycle_time, clock)}, ${duration(history.lead_time, clock)} after it was asked for.`;
  if (history.age === null) return `Not started: waits in ${item.current_stage ?? "no stage"}.`;
  const age = `In process for ${duration(history.age, clock)}, now in ${item.current_stage}`;
  if (!expected || expected.hours === null) return `${age}.`;
  if (history.age > expected.hours) return `${age}: longer than the ${duration(expected.hours, clock)} that ${percent(expected.p)} of items keep.`;
  return `${age}; ${percent(expected.p)} of items finish within ${duration(expected.hours, clock)}${chance === null ? "" : `, this one with a chance of ${percent(chance)}`}.`;
}

function Actions({ item, stream, history }: Pick<JourneyProps, "item" | "stream" | "history">) {
  const [asked, setAsked] = useState<Asked>(null);
  const { move, dialog } = useMoves(stream);
  const close = () => setAsked(null);
  const lasting = history.blocks.find((block) => block.ended_at === null && block.voided_at === null);
  if (item.cancelled_at) {
    return (
      <div class="row no-print">
        <button onClick={() => void restoreItem(item)}>Restore</button>
      </div>
    );
  }
  return (
    <div class="row no-print">
      <button onClick={() => setAsked("move")}>Move</button>
      {lasting ? (
        <button onClick={() => void endBlock(item.id, lasting.id)}>It can go on</button>
      ) : (
        !item.finished_at && <button onClick={() => setAsked("block")}>It is blocked</button>
      )}
      {!item.finished_at && <button onClick={() => setAsked("cancel")}>Cancel the item</button>}
      {dialog}
      {asked === "move" && (
        <MoveDialog
          request={{ item }}
          stages={stream.stages.map((stage) => stage.name)}
          close={close}
          answer={(request) => {
            close();
            move(request);
          }}
        />
      )}
      {asked === "cancel" && (
        <WhyDialog title={`Cancel: ${item.title}`} confirm="Cancel the item" label="Why is it given up?" close={close} answer={(reason) => (close(), void cancelItem(item, reason))} />
      )}
      {asked === "block" && (
        <WhyDialog title={`Blocked: ${item.title}`} confirm="Say so" label="What does it wait for?" close={close} answer={(reason) => (close(), void blockItem(item, reason))} />
      )}
    </div>
  );
}

function Times({ history, zone }: { history: History; zone: string }) {
  const { clock } = history;
  const times: [string, number | null][] = [
    ["Lead time", history.lead_time],
    ["Cycle time", history.cycle_time],
    ["Age", history.age],
    ["Parked", history.parked_time],
    ["Blocked", history.blocked_time],
  ];
  const instants: [string, string | null][] = [
    ["Created", history.created_at],
    ["Started", history.started_at],
    ["Finished", history.finished_at],
    ["Cancelled", history.cancelled_at],
  ];
  return (
    <dl class="totals panel">
      {times
        .filter(([, hours]) => hours !== null)
        .map(([name, hours]) => (
          <div key={name} title={exactly(hours)}>
            <dt>{name}</dt>
            <dd>{duration(hours, clock)}</dd>
          </div>
        ))}
      {instants
        .filter(([, instant]) => instant !== null)
        .map(([name, instant]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <small>{instant && minute(instant, zone)}</small>
            </dd>
          </div>
        ))}
    </dl>
  );
}

function Moves({ item, history, zone }: { item: Item; history: History; zone: string }) {
  return (
    <section class="panel" aria-labelledby="moves">
      <h2 id="moves">Moves</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of moves">
        <table>
          <thead>
            <tr>
              <th scope="col">When ({zone})</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Reason</th>
              <th scope="col">
                <span class="unseen">Correct</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {history.transitions.map((move) => (
              <tr key={move.id} class={move.voided_at ? "voided muted" : ""}>
                <td class="nowrap">{minute(move.timestamp, zone)}</td>
                <td>{move.from_stage ?? "–"}</td>
                <td>{move.to_stage}</td>
                <td>{move.void_reason ?? move.reason ?? ""}</td>
                <td class="number">
                  {!move.voided_at && !item.cancelled_at && (
                    <button class="plain no-print" onClick={() => void undo(item.id, move.id)} aria-label={`Take back the move to ${move.to_stage} of ${minute(move.timestamp, zone)}`}>
                      Take back
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
