/** The three questions that people come with, answered before they ask. */
import type { components } from "../api/schema";
import { duration, exactly } from "../format/duration";
import { count, percent, plural } from "../format/number";
import { type Filters, viewHref } from "../state/filters";
import type { MapAnswer } from "./geometry";
import { type Aging, RISK_WORDS, atRisk } from "./risk";
import { partsOf } from "./time-bar";

type Bottleneck = components["schemas"]["BottleneckAnswer"];

interface Props {
  map: MapAnswer;
  aging: Aging | undefined;
  bottleneck: Bottleneck | undefined;
  filters: Filters;
}

const SHOWN = 3;

export function Answers({ map, aging, bottleneck, filters }: Props) {
  return (
    <div class="answers">
      <WhereItWaits map={map} bottleneck={bottleneck} />
      <NewItem aging={aging} filters={filters} />
      <AtRisk aging={aging} filters={filters} />
    </div>
  );
}

function WhereItWaits({ map, bottleneck }: Pick<Props, "map" | "bottleneck">) {
  const clock = map.definitions.clock;
  const total = map.totals.lead_time ?? 0;
  const parts = partsOf(map).sort((one, other) => other.hours - one.hours);
  const longest = parts.find((part) => part.kind === "wait");
  const most = parts[0];
  return (
    <section class="panel" aria-labelledby="where">
      <h2 id="where" class="question">
        Where does work wait?
      </h2>
      {longest ? (
        <p class="answer">
          <span class="big">{longest.name}</span>
          <span title={exactly(longest.hours)}>{duration(longest.hours, clock)}</span> per item, {percent(longest.hours / total)} of its
          lead time
        </p>
      ) : (
        <p class="answer">{most ? "In no waiting stage: waits inside work stages do not show." : "Nothing was finished in this period."}</p>
      )}
      <p class="small muted">
        {most && most !== longest && (
          <>
            Most time passes in {most.name}, with work or waiting for it: <span title={exactly(most.hours)}>{duration(most.hours, clock)}</span>, {percent(most.hours / total)}.{" "}
          </>
        )}
        {bottleneck ? bottleneck.claim : " "}
      </p>
    </section>
  );
}

function NewItem({ aging, filters }: Pick<Props, "aging" | "filters">) {
  const clock = aging?.definitions.clock;
  const promise = aging?.expectation;
  return (
    <section class="panel" aria-labelledby="when">
      <h2 id="when" class="question">
        When will a new item be done?
      </h2>
      {promise && promise.hours !== null ? (
        <p class="answer">
          <span class="big" title={exactly(promise.hours)}>
            within {duration(promise.hours, clock)}
          </span>
          of its start, {percent(promise.p)} of the times
        </p>
      ) : (
        <p class="answer">{aging ? then(aging) : "…"}</p>
      )}
      <p class="small muted">
        {aging && aging.cycle_time_p50 !== null && `Half of the items took ${duration(aging.cycle_time_p50, clock)} or less. `}
        <a href={viewHref(filters, "flow", { chart: "cycle-time-scatter" })}>All cycle times</a>
      </p>
    </section>
  );
}

/** Without enough items in the last 90 days there is no promise; what the period shows is told as such. */
function then(aging: Aging): string {
  const { cycle_time_p85: p85, low_confidence: few, definitions } = aging;
  const why = "too few were finished lately to promise anything.";
  if (p85 === null || few.includes("p85")) return `Nobody can tell: ${why}`;
  return `In this period 85\u202f% took ${duration(p85, definitions.clock)} or less; ${why}`;
}

function AtRisk({ aging, filters }: Pick<Props, "aging" | "filters">) {
  const promised = aging?.expectation.hours !== null;
  // without a promise nothing is late, but the oldest is still worth a look
  const found = !aging ? [] : promised ? atRisk(aging) : aging.items.map((item) => ({ item, risk: "fine" as const }));
  return (
    <section class="panel" aria-labelledby="risk">
      <h2 id="risk" class="question">
        Which items are at risk?
      </h2>
      {aging && !promised && aging.wip > 0 && <p class="answer">Without a promise nobody can tell. The oldest of {plural(aging.wip, "item")} in process:</p>}
      {aging && (promised || aging.wip === 0) && (
        <p class="answer">
          <span class="big">{count(found.length)}</span> of {plural(aging.wip, "item")} in process
        </p>
      )}
      <ul class="small risks">
        {found.slice(0, SHOWN).map(({ item, risk }) => (
          <li key={item.id}>
            <a href={viewHref(filters, "item", { item: item.id })}>{item.title}</a>{" "}
            <span class="muted">
              {duration(item.age, aging?.definitions.clock)} old, in {item.stage}
              {item.blocked_since !== null ? ", blocked" : risk === "risk" ? `, ${RISK_WORDS.risk}` : ""}
            </span>
          </li>
        ))}
        {found.length > SHOWN && (
          <li>
            <a href={viewHref(filters, "items", { state: "in_progress", sort: "risk" })}>all {count(found.length)}</a>
          </li>
        )}
      </ul>
    </section>
  );
}
