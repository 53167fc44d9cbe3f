/** What can be done to an item, each with its way back. */
import type { Problem } from "../api/client";
import type { components } from "../api/schema";
import { asProblem, send } from "../api/send";
import type { Item } from "../api/use-items";
import type { Stream } from "../api/use-stream";
import { changes } from "../state/changes";
import type { ItemType } from "../state/filters";
import { tell } from "../ui/toast";

type Moved = components["schemas"]["MovedOut"];

export interface MoveRequest {
  item: Pick<Item, "id" | "title" | "current_stage" | "version">;
  to: string;
  reason?: string;
  override_reason?: string;
}

/** A move that wants words first, or one that was refused and may be insisted on. */
export interface Question {
  request: MoveRequest;
  asks: "reason" | "override";
  why: string;
}

const path = (id: number, rest: string) => `/api/v1/work-items/${id}/${rest}`;

/** Whether the stream wants to know why, before it is even asked. */
export function asksFirst(stream: Stream, request: MoveRequest): Question | null {
  const order = (name: string | null) => stream.stages.find((stage) => stage.name === name)?.order ?? 0;
  const backward = request.item.current_stage !== null && order(request.to) < order(request.item.current_stage);
  if (!backward || stream.moves.backward_reason === "open" || request.reason) return null;
  return { request, asks: "reason", why: "This stream asks why work goes back." };
}

/** Move an item. Returns a question when a rule of the stream stands against it; throws Problem. */
export async function moveItem(request: MoveRequest): Promise<Question | null> {
  const { item, to, reason, override_reason } = request;
  const body = {
    to_stage: to,
    actor_kind: "human",
    ...(item.current_stage && { expected_stage: item.current_stage }),
    ...(reason && { reason }),
    ...(override_reason && { override_reason }),
  };
  let moved: Moved;
  try {
    moved = await send<Moved>("PUT", path(item.id, "transition"), { body });
  } catch (thrown) {
    const question = questionOf(request, asProblem(thrown));
    if (question) return question;
    throw thrown;
  }
  changes.tellNow();
  const warned = moved.warnings?.map((warning) => warning.message).join("; ");
  tell(`${item.title}: now in ${to}.${warned ? ` ${warned}.` : ""}`, {
    label: "Undo",
    run: () => void undo(item.id, moved.id),
  });
  return null;
}

function questionOf(request: MoveRequest, problem: Problem): Question | null {
  if (problem.type.endsWith("/reason-needed")) return { request, asks: "reason", why: problem.detail };
  if (problem.status === 409 && /(wip-limit-reached|move-not-allowed)$/.test(problem.type)) {
    return { request, asks: "override", why: problem.detail };
  }
  return null;
}

async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (thrown) {
    const problem = asProblem(thrown);
    tell(`${problem.title} ${problem.detail}`);
    return false;
  } finally {
    changes.tellNow();
  }
}

/** Take a move back: it is void in the log, not a second move. */
export async function undo(item: number, move: number): Promise<void> {
  const done = await attempt(() =>
    send("POST", path(item, `transitions/${move}/void`), { body: { reason: "Taken back on the dashboard" } }),
  );
  if (done) tell("The move is taken back.");
}

export async function createItem(stream: string, title: string, type: ItemType): Promise<void> {
  const item = await send<Item>("POST", "/api/v1/work-items", { query: { stream }, body: { title, type, actor_kind: "human" } });
  changes.tellNow();
  tell(`${item.title}: created in ${item.current_stage}.`, {
    label: "Undo",
    run: () => void cancelItem(item, "Created by mistake"),
  });
}

export async function cancelItem(item: Pick<Item, "id" | "title">, reason: string): Promise<void> {
  const done = await attempt(() => send("POST", path(item.id, "cancel"), { body: { reason } }));
  if (!done) return;
  tell(`${item.title}: cancelled.`, { label: "Undo", run: () => void restoreItem(item) });
}

export async function restoreItem(item: Pick<Item, "id" | "title">): Promise<void> {
  const done = await attempt(() => send("POST", path(item.id, "restore"), { body: {} }));
  if (done) tell(`${item.title}: restored.`);
}

export async function blockItem(item: Pick<Item, "id" | "title">, reason: string): Promise<void> {
  await attempt(() => send("POST", path(item.id, "blocks"), { body: { reason } }));
}

export async function endBlock(item: number, block: number): Promise<void> {
  await attempt(() => send("POST", path(item, `blocks/${block}/end`), { body: {} }));
}
