/** Import by drag and drop: first told what would happen, then done. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Problem } from "../api/client";
import type { components } from "../api/schema";
import { asProblem, send } from "../api/send";
import { day } from "../format/instant";
import { plural } from "../format/number";
import { changes } from "../state/changes";
import { ProblemNote } from "./states";
import { tell } from "./toast";

type Result = components["schemas"]["ImportResult"];

export function ImportDrop({ stream }: { stream?: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<Result | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);

  async function ask(chosen: File, check: boolean): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      const query = { stream, file: chosen.name, check };
      const result = await send<Result>("POST", "/api/v1/imports", { query, body: chosen });
      setReport(check ? result : null);
      if (!check) {
        tell(`${plural(result.items_created, "item")} with ${plural(result.transitions_created, "move")} imported.`);
        changes.tellNow();
      }
    } catch (thrown) {
      setReport(null);
      setProblem(asProblem(thrown));
    }
    setBusy(false);
  }

  function choose(chosen: File | undefined): void {
    if (!chosen) return;
    setFile(chosen);
    void ask(chosen, true);
  }

  return (
    <div class="stack">
      <label
        class={over ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          choose(event.dataTransfer?.files[0]);
        }}
      >
        <strong>Drop a file here, or choose one</strong>
        <span>Jira's search result with changelog (JSON), CSV or JSON Lines of moves, CSV of dates per stage.</span>
        <input type="file" disabled={busy} onChange={(event) => choose(event.currentTarget.files?.[0])} />
        <span class="muted small">You are told first what would happen. Nothing is written until you say so.</span>
      </label>
      {busy && <p role="status">Reading {file?.name} …</p>}
      {problem && <ProblemNote problem={problem} />}
      {report && file && (
        <Report report={report}>
          <button class="primary" disabled={busy} onClick={() => void ask(file, false)}>
            Import {plural(report.items_created + report.items_updated, "item")}
          </button>
        </Report>
      )}
    </div>
  );
}

function Report({ report, children }: { report: Result; children: ComponentChildren }) {
  const stages = Object.entries(report.entries_by_stage);
  const mapping = Object.entries(report.mapping).filter(([theirs, ours]) => theirs !== ours);
  return (
    <div class="note good stack" role="status">
      <strong>
        {report.file}: read as {report.format}
        {report.detected_because && `, because ${report.detected_because}`}
      </strong>
      <p>
        {plural(report.items_created, "new item")}, {plural(report.items_updated, "changed one", "changed ones")},{" "}
        {plural(report.items_unchanged, "unchanged one", "unchanged ones")}; {plural(report.transitions_created, "new move")}
        {report.first_at && report.last_at && `, from ${day(report.first_at)} to ${day(report.last_at)}`}.
      </p>
      {stages.length > 0 && <p>Entries: {stages.map(([stage, number]) => `${stage} ${number}`).join(", ")}.</p>}
      {mapping.length > 0 && <p>Statuses: {mapping.map(([theirs, ours]) => `${theirs} → ${ours}`).join(", ")}.</p>}
      {report.notes.length > 0 && (
        <ul>
          {report.notes.map((note) => (
            <li key={note}>Note: {note}</li>
          ))}
        </ul>
      )}
      {Object.entries(report.skipped).map(([why, number]) => (
        <p key={why}>
          Left out: {number} ({why})
        </p>
      ))}
      <div>{children}</div>
    </div>
  );
}
