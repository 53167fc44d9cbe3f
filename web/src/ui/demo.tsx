/** A made-up year: made by one click where nothing is, and taken away by another. */
import { useState } from "preact/hooks";
import type { Problem } from "../api/client";
import type { components } from "../api/schema";
import { asProblem, send } from "../api/send";
import { useApi } from "../api/use-api";
import { count, plural } from "../format/number";
import { changes } from "../state/changes";
import { Dialog } from "./dialog";
import { ProblemNote } from "./states";
import { tell } from "./toast";

type Made = components["schemas"]["DemoMade"];
type Removed = components["schemas"]["DemoRemoved"];

const PATH = "/api/v1/demo";

/** Run one request at a time, and tell what is wrong with it. */
function useRun(): { busy: boolean; problem: Problem | undefined; run: (request: () => Promise<void>) => void } {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const run = (request: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    request()
      .catch((thrown: unknown) => setProblem(asProblem(thrown)))
      .finally(() => {
        setBusy(false);
        changes.tellNow();
      });
  };
  return { busy, problem, run };
}

async function remove(stream: string | undefined): Promise<void> {
  const { items_removed } = await send<Removed>("DELETE", PATH, { query: { stream } });
  tell(`${plural(items_removed, "made-up item")} removed.`);
}

export function MakeDemo({ stream }: { stream: string | undefined }) {
  const { busy, problem, run } = useRun();
  const make = async () => {
    const made = await send<Made>("POST", PATH, { query: { stream } });
    tell(`${plural(made.items_created, "made-up item")} with ${count(made.transitions_created)} moves.`, {
      label: "Undo",
      run: () => run(() => remove(stream)),
    });
  };
  return (
    <>
      <button class="primary" disabled={busy} onClick={() => run(make)}>
        {busy ? "Making up a year…" : "Make up a year of work"}
      </button>
      {busy && <progress aria-label="Making up a year" />}
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

/** How many items are made up, and the way to be rid of them; nothing where there are none. */
export function MadeUp({ stream }: { stream: string | undefined }) {
  const state = useApi(PATH, { stream });
  const [asked, setAsked] = useState(false);
  const { busy, problem, run } = useRun();
  if (!state.data || state.data.items === 0) return null;
  const number = plural(state.data.items, "item");
  return (
    <>
      <p class="row made-up no-print">
        <span class="muted small">{`${number} of this stream ${state.data.items === 1 ? "is" : "are"} made up.`}</span>
        <button disabled={busy} onClick={() => setAsked(true)}>
          Remove made-up items
        </button>
      </p>
      {problem && <ProblemNote problem={problem} />}
      {asked && (
        <Dialog
          title={`Remove ${number}?`}
          confirm="Remove them"
          onClose={() => setAsked(false)}
          onConfirm={() => {
            setAsked(false);
            run(() => remove(stream));
          }}
        >
          <p>All made-up items go, with their moves, also those that were made since. What is not made up stays.</p>
        </Dialog>
      )}
    </>
  );
}
