/** Import by drag and drop: first told what would happen, then done. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useApi } from "../api/use-api";
import type { Problem } from "../api/client";
import type { components } from "../api/schema";
import { asProblem, send } from "../api/send";
import { day } from "../format/instant";
import { plural } from "../format/number";
import { changes } from "../state/changes";
import { ProblemNote } from "./states";
import { tell } from "./toast";

/** Their statuses, and the stages that they mean. */
type Mapping = Record<string, string>;

type Result = components["schemas"]["ImportResult"];

export function ImportDrop({ stream }: { stream?: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<Result | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const [mapping, setMapping] = useState<Mapping>({});

  async function ask(chosen: File, check: boolean, stated: Mapping = mapping): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      const map = Object.entries(stated).flatMap(([theirs, ours]) => (ours ? [`${theirs}=${ours}`] : []));
      const query = { stream, file: chosen.name, check, map };
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
    setMapping({});
    void ask(chosen, true, {});
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
      {file && (problem || report) && (
        <StatusMapping
          stream={stream}
          known={report?.mapping ?? {}}
          unknown={problem ? unknownStatuses(problem) : []}
          stated={mapping}
          state={(theirs, ours) => {
            const next = { ...mapping, [theirs]: ours };
            setMapping(next);
            const open = problem ? unknownStatuses(problem).filter((each) => !next[each]) : [];
            if (open.length === 0) void ask(file, true, next);
          }}
        />
      )}
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

/** The statuses that a refused file has and no stage is known for, as the problem's messages name them. */
function unknownStatuses(problem: Problem): string[] {
  const names = problem.errors.flatMap(({ message }) => /a status that means a stage, got '(.*)': add --map/.exec(message)?.[1] ?? []);
  return [...new Set(names)];
}

interface MappingProps {
  stream?: string;
  /** What was taken for what. */
  known: Mapping;
  unknown: string[];
  stated: Mapping;
  state: (theirs: string, ours: string) => void;
}

/** Which status of theirs means which stage of ours: each can be put right. */
function StatusMapping({ stream, known, unknown, stated, state }: MappingProps) {
  const stages = useApi("/api/v1/stages", { stream });
  const rows = [...unknown, ...Object.keys(known).filter((each) => !unknown.includes(each))];
  if (rows.length === 0) return null;
  return (
    <details open={unknown.length > 0}>
      <summary>Which status means which stage</summary>
      <ul class="mapping">
        {rows.map((theirs, place) => (
          <li key={theirs} class="row">
            <label for={`status-${place}`}>{theirs}</label>
            <select id={`status-${place}`} value={stated[theirs] ?? known[theirs] ?? ""} onChange={(event) => state(theirs, event.currentTarget.value)}>
              <option value="">choose …</option>
              {stages.data?.map((stage) => (
                <option key={stage.id}>{stage.name}</option>
              ))}
              <option value="cancelled">given up (cancelled)</option>
              <option value="ignore">leave out</option>
            </select>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Report({ report, children }: { report: Result; children: ComponentChildren }) {
  const stages = Object.entries(report.entries_by_stage);
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
