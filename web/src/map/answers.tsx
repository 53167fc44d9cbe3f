/** The three questions that people come with, answered before they ask. */
import type { components } from "../api/schema";
import { duration, exactly } from "../format/duration";
import { percent, plural } from "../format/number";
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
  const waits = partsOf(map).filter((part) => part.kind === "wait");
  const longest = waits.sort((one, other) => other.hours - one.hours)[0];
  return (
    <section class="panel" aria-labelledby="where">
      <h2 id="where" class="question">
        Where does work wait?
      </h2>
      {longest && total > 0 ? (
        <p class="answer">
          <span class="big">{longest.name}</span>
          <span title={exactly(longest.hours)}>{duration(longest.hours, clock)}</span> per item, {percent(longest.hours / total)} of its
          lead time
        </p>
      ) : (
        <p class="answer">
          {total > 0 ? "No waiting stage held work: waits inside active stages do not show." : "Nothing was finished in this period."}
        </p>
      )}
      <p class="small muted">{bottleneck ? bottleneck.claim : " "}</p>
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
        <p class="answer">{aging ? "Too few items were finished to promise anything." : "…"}</p>
      )}
      <p class="small muted">
        {aging && aging.cycle_time_p50 !== null && `Half of the items took ${duration(aging.cycle_time_p50, clock)} or less. `}
        <a href={viewHref(filters, "flow", { chart: "cycle-time-scatter" })}>All cycle times</a>
      </p>
    </section>
  );
}

function AtRisk({ aging, filters }: Pick<Props, "aging" | "filters">) {
  const found = aging ? atRisk(aging) : [];
  return (
    <section class="panel" aria-labelledby="risk">
      <h2 id="risk" class="question">
        Which items are at risk?
      </h2>
      {aging && (
        <p class="answer">
          <span class="big">{found.length}</span> of {plural(aging.wip, "item")} in process
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
            <a href={viewHref(filters, "items", { state: "in_progress", sort: "risk" })}>all {found.length}</a>
          </li>
        )}
      </ul>
    </section>
  );
}
