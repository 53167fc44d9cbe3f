/** Questions about an item: why it moves, what it is called, why it ends. */
import { useState } from "preact/hooks";
import type { Problem } from "../api/client";
import { asProblem } from "../api/send";
import { TYPES } from "../state/filters";
import { Dialog } from "../ui/dialog";
import { ProblemNote } from "../ui/states";
import { type MoveRequest, type Question, createItem } from "./actions";

interface ReasonProps {
  question: Question;
  answer: (request: MoveRequest) => void;
  close: () => void;
}

export function ReasonDialog({ question, answer, close }: ReasonProps) {
  const [text, setText] = useState("");
  const { request, asks, why } = question;
  return (
    <Dialog
      title={`${request.item.title} → ${request.to}`}
      confirm={asks === "reason" ? "Move" : "Move all the same"}
      onClose={close}
      onConfirm={() => answer({ ...request, [asks === "reason" ? "reason" : "override_reason"]: text.trim() })}
    >
      <p class={asks === "reason" ? "note" : "note warn"}>{why}</p>
      <div class="field">
        <label for="move-reason">Reason</label>
        <textarea id="move-reason" required maxLength={2000} rows={3} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </div>
    </Dialog>
  );
}

interface MoveProps {
  request: Omit<MoveRequest, "to">;
  stages: string[];
  answer: (request: MoveRequest) => void;
  close: () => void;
}

export function MoveDialog({ request, stages, answer, close }: MoveProps) {
  const [to, setTo] = useState(() => after(stages, request.item.current_stage));
  return (
    <Dialog title={request.item.title} confirm="Move" onClose={close} onConfirm={() => answer({ ...request, to })}>
      <div class="field">
        <label for="move-to">Move to</label>
        <select id="move-to" value={to} onChange={(event) => setTo(event.currentTarget.value)}>
          {stages
            .filter((stage) => stage !== request.item.current_stage)
            .map((stage) => (
              <option key={stage}>{stage}</option>
            ))}
        </select>
      </div>
    </Dialog>
  );
}

function after(stages: string[], stage: string | null): string {
  const place = stages.indexOf(stage ?? "");
  return stages[place + 1] ?? stages[place - 1] ?? "";
}

export function CreateDialog({ stream, close }: { stream: string; close: () => void }) {
  const [title, setTitle] = useState("");
  const [type, setType] = useState<(typeof TYPES)[number]>("feature");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  async function create(): Promise<void> {
    setBusy(true);
    try {
      await createItem(stream, title.trim(), type);
      close();
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  }
  return (
    <Dialog title="New item" confirm="Create" busy={busy} onClose={close} onConfirm={() => void create()}>
      {problem && <ProblemNote problem={problem} />}
      <div class="field">
        <label for="new-title">Title</label>
        <input id="new-title" required maxLength={500} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for="new-type">Type</label>
        <select id="new-type" value={type} onChange={(event) => setType(event.currentTarget.value as typeof type)}>
          {TYPES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </div>
    </Dialog>
  );
}

interface WhyProps {
  title: string;
  confirm: string;
  label: string;
  answer: (reason: string) => void;
  close: () => void;
}

/** Ask for one reason. */
export function WhyDialog({ title, confirm, label, answer, close }: WhyProps) {
  const [text, setText] = useState("");
  return (
    <Dialog title={title} confirm={confirm} onClose={close} onConfirm={() => answer(text.trim())}>
      <div class="field">
        <label for="why">{label}</label>
        <input id="why" required maxLength={2000} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </div>
    </Dialog>
  );
}
