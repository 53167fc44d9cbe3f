/** What can be done with a view, below it: explain, the same as a table, take it along. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface Props {
  explain: ComponentChildren;
  table: ComponentChildren;
  actions: { label: string; run: () => void }[];
}

export function Toolbar({ explain, table, actions }: Props) {
  const [below, setBelow] = useState<"explain" | "table" | null>(null);
  const toggle = (what: typeof below) => setBelow(below === what ? null : what);
  return (
    <>
      <div class="row no-print tool-row">
        <button aria-expanded={below === "explain"} onClick={() => toggle("explain")}>
          Explain
        </button>
        <button aria-expanded={below === "table"} onClick={() => toggle("table")}>
          Table
        </button>
        {actions.map(({ label, run }) => (
          <button key={label} onClick={run}>
            {label}
          </button>
        ))}
      </div>
      {below === "explain" && explain}
      {below === "table" && table}
    </>
  );
}
