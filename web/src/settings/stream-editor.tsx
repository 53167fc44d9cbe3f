/** A stream's file: what is in force, what a change would do, and putting it in force. */
import { useState } from "preact/hooks";
import { type Problem, addressOf } from "../api/client";
import type { components } from "../api/schema";
import { asProblem, send } from "../api/send";
import type { Stream } from "../api/use-stream";
import { duration } from "../format/duration";
import { count } from "../format/number";
import { changes } from "../state/changes";
import { save } from "../ui/save";
import { ProblemNote } from "../ui/states";
import { tell } from "../ui/toast";

type Plan = components["schemas"]["PlanOut"];
type Applied = components["schemas"]["AppliedOut"];

const YAML = { "Content-Type": "application/yaml" };

export function StreamEditor({ stream }: { stream: Stream }) {
  const [text, setText] = useState("");
  const [plan, setPlan] = useState<Plan | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  async function attempt(action: () => Promise<void>): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      await action();
    } catch (thrown) {
      setPlan(null);
      setProblem(asProblem(thrown));
    }
    setBusy(false);
  }

  const load = () =>
    attempt(async () => {
      const answer = await fetch(addressOf("/api/v1/value-streams/export", { key: stream.key }), { headers: { Accept: "application/yaml" } });
      setText(await answer.text());
      setPlan(null);
    });
  const ask = () =>
    attempt(async () => setPlan(await send<Plan>("POST", "/api/v1/value-streams/plan", { body: text, headers: YAML })));
  const apply = () =>
    attempt(async () => {
      const applied = await send<Applied>("POST", "/api/v1/value-streams/apply", { body: text, headers: YAML });
      setPlan(null);
      changes.tellNow();
      tell(applied.changed ? "The file is in force." : "Nothing was to be changed.");
    });

  return (
    <section class="panel" aria-labelledby="editor">
      <h2 id="editor">Streams as code</h2>
      <p class="small muted">
        Stages, limits, rules and working time are one file. Planning changes nothing: it tells every mistake, and what last quarter's
        figures would become.
      </p>
      <div class="field">
        <label for="yaml">Value stream file (YAML)</label>
        <textarea
          id="yaml"
          class="mono"
          rows={text ? 16 : 4}
          spellcheck={false}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setPlan(null);
          }}
        />
      </div>
      <div class="row">
        <button disabled={busy} onClick={() => void load()}>
          Load what is in force
        </button>
        <button disabled={busy || !text.trim()} onClick={() => save(`${stream.key}.yaml`, "application/yaml", text)}>
          Download
        </button>
        <button disabled={busy || !text.trim()} onClick={() => void ask()}>
          Check and plan
        </button>
        <button class="primary" disabled={busy || !plan?.changed} onClick={() => void apply()}>
          Apply
        </button>
      </div>
      {problem && <ProblemNote problem={problem} />}
      {plan && <Planned plan={plan} />}
    </section>
  );
}

function Planned({ plan }: { plan: Plan }) {
  if (!plan.changed) return <p class="note good">This is what is in force already.</p>;
  return (
    <div class="stack" role="status">
      {plan.streams
        .filter((stream) => stream.created || stream.changes.length > 0)
        .map((stream) => (
          <div key={stream.key} class="note warn stack">
            <strong>
              {stream.key} {stream.created ? "would be created" : "would change"}
            </strong>
            <ul>
              {stream.changes.map((change) => (
                <li key={change.text}>{change.text}</li>
              ))}
            </ul>
            {stream.before && stream.after && (
              <p>
                Last quarter: throughput {count(stream.before.throughput)} → {count(stream.after.throughput)}, cycle time (85 %){" "}
                {duration(stream.before.cycle_time_p85)} → {duration(stream.after.cycle_time_p85)}, in process {count(stream.before.wip_now)} →{" "}
                {count(stream.after.wip_now)}.
              </p>
            )}
          </div>
        ))}
    </div>
  );
}
