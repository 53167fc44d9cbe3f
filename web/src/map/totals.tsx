/** The map's figures as a whole, each with its difference to the other window. */
import { duration, exactly } from "../format/duration";
import { count, percent } from "../format/number";
import type { MapAnswer } from "./geometry";

interface Total {
  key: keyof MapAnswer["totals"];
  name: string;
  meaning: string;
  kind: "hours" | "share" | "count";
  /** More is better; unsaid: less is; null: neither. */
  more?: boolean | null;
}

const TOTALS: Total[] = [
  { key: "lead_time", name: "Lead time", meaning: "mean, from creation to finish", kind: "hours" },
  { key: "process_time", name: "Process time", meaning: "mean time in active stages: an upper bound", kind: "hours" },
  { key: "wait_time", name: "Wait time", meaning: "mean time in waiting stages, in none, and blocked", kind: "hours" },
  { key: "activity_ratio", name: "Activity ratio", meaning: "process time ÷ lead time", kind: "share", more: true },
  { key: "rolled_ca", name: "Rolled %C&A", meaning: "complete and accurate through all stages", kind: "share", more: true },
  { key: "first_time_through", name: "First time through", meaning: "share of items without rework", kind: "share", more: true },
  { key: "items_finished", name: "Finished", meaning: "items finished in the period", kind: "count", more: true },
  { key: "wip", name: "In process", meaning: "items at the end of the period", kind: "count", more: null },
  { key: "items_waiting", name: "Waiting", meaning: "items in waiting stages and in none, at the end", kind: "count" },
];

export function Totals({ map }: { map: MapAnswer }) {
  const clock = map.definitions.clock;
  const text = (kind: Total["kind"], value: number | null) =>
    kind === "hours" ? duration(value, clock) : kind === "share" ? percent(value) : count(value);
  return (
    <dl class="totals">
      {TOTALS.map(({ key, name, meaning, kind, more }) => {
        const value = map.totals[key];
        const change = map.comparison?.total_differences[key];
        return (
          <div key={key} title={kind === "hours" ? `${meaning}: ${exactly(value)}` : meaning}>
            <dt>{name}</dt>
            <dd>
              {text(kind, value)}
              {typeof change === "number" && <Change change={change} amount={text(kind, Math.abs(change))} more={more} />}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

const SMALL = 0.0005;

function Change({ change, amount, more }: { change: number; amount: string; more?: boolean | null }) {
  if (Math.abs(change) < SMALL) return <small class="muted">as before</small>;
  const good = more === null ? "" : (more ?? false) === change > 0 ? "better" : "worse";
  return (
    <small class={good || "muted"}>
      {change > 0 ? "▲" : "▼"} {amount}
    </small>
  );
}
