/** Streams and their definitions, imports, and what this service is. */
import { useEffect, useState } from "preact/hooks";
import { useApi } from "../api/use-api";
import { type Stream, useStream } from "../api/use-stream";
import { minute } from "../format/instant";
import { plural } from "../format/number";
import { type Filters, viewHref } from "../state/filters";
import { MadeUp } from "../ui/demo";
import { ImportDrop } from "../ui/import-drop";
import { ProblemNote, Skeleton } from "../ui/states";
import { StreamEditor } from "../settings/stream-editor";

export function SettingsView({ filters }: { filters: Filters }) {
  const streams = useApi("/api/v1/value-streams", {});
  const stream = useStream(filters);
  const problem = streams.problem ?? stream.problem;
  return (
    <>
      <h1>Settings</h1>
      {problem && <ProblemNote problem={problem} retry={stream.reload} />}
      <section class="panel" aria-labelledby="streams">
        <h2 id="streams">Value streams</h2>
        <ul class="row">
          {streams.data?.map((each) => (
            <li key={each.key}>
              <a
                class={`button${each.key === stream.data?.key ? " primary" : ""}`}
                aria-current={each.key === stream.data?.key ? "true" : undefined}
                href={viewHref(filters, "settings", { stream: each.is_default ? undefined : each.key })}
              >
                {each.name}
              </a>
            </li>
          ))}
        </ul>
        {stream.data ? <Definition stream={stream.data} /> : !problem && <Skeleton height={240} />}
      </section>
      {stream.data && <StreamEditor key={stream.data.key} stream={stream.data} />}
      <section class="panel" aria-labelledby="import">
        <h2 id="import">Import</h2>
        <ImportDrop stream={filters.stream} />
        <MadeUp stream={filters.stream} />
      </section>
      <About filters={filters} />
    </>
  );
}

function Definition({ stream }: { stream: Stream }) {
  const versions = useApi("/api/v1/value-streams/{key}/versions", {}, { key: stream.key });
  const { moves, service_level_expectation: promise } = stream;
  return (
    <>
      <p class="muted">
        <code>{stream.key}</code>, {stream.time_zone}, definitions version {stream.definitions_version}
        {stream.working_time ? ", with working time" : ""}
        {stream.description && `. ${stream.description}`}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Stages">
        <table>
          <thead>
            <tr>
              <th scope="col">Stage</th>
              <th scope="col">Category</th>
              <th scope="col">Work in it is</th>
              <th scope="col">WIP limit</th>
            </tr>
          </thead>
          <tbody>
            {stream.stages.map((stage) => (
              <tr key={stage.id}>
                <th scope="row">{stage.name}</th>
                <td>
                  <span class={`tag ${stage.category}`}>{stage.category}</span>
                </td>
                <td>{stage.zone === "todo" ? "to do" : stage.zone}</td>
                <td>{stage.wip_limit === null ? "none" : `${stage.wip_limit}, ${LIMITS[stage.wip_policy]}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="small">
        {moves.policy === "open" ? "Every move is allowed." : `Only listed moves are allowed (${moves.policy}).`}{" "}
        {moves.backward_reason === "open" ? "Moves back need no reason." : `Moves back need a reason (${moves.backward_reason}).`}{" "}
        {promise && `Stated service level: ${JSON.stringify(promise).replace(/[{}"]/g, "").replaceAll(":", " ")}.`}
      </p>
      {versions.data && versions.data.length > 0 && (
        <details>
          <summary>{plural(versions.data.length, "applied version")}</summary>
          <ul class="small stack">
            {versions.data.map((version) => (
              <li key={version.applied_at}>
                {minute(version.applied_at, stream.time_zone)}: {version.changes.map((change) => change.text).join("; ")}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

const LIMITS = { observe: "only measured", warn: "warned of", enforce: "enforced" };

function About({ filters }: { filters: Filters }) {
  const [about, setAbout] = useState<{ version?: string }>({});
  useEffect(() => {
    void fetch("/", { headers: { Accept: "application/json" } })
      .then((answer) => answer.json() as Promise<{ version: string }>)
      .then(setAbout, () => setAbout({}));
  }, []);
  return (
    <section class="panel" aria-labelledby="about">
      <h2 id="about">About</h2>
      <p>VSM Service {about.version}. Everything on these pages comes from its public API.</p>
      <p class="row">
        <a class="button" href="/docs">
          API documentation
        </a>
        <a class="button" href="/openapi.json" download>
          OpenAPI document
        </a>
        <a class="button" href="/metrics">
          Prometheus metrics
        </a>
        <a class="button" href={viewHref(filters, "map", { kiosk: 1 })}>
          Wall screen
        </a>
      </p>
    </section>
  );
}
