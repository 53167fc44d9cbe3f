/** Moving items from any view: rules are asked about first, refusals can be answered. */
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { asProblem } from "../api/send";
import type { Stream } from "../api/use-stream";
import { changes } from "../state/changes";
import { tell } from "../ui/toast";
import { type MoveRequest, type Question, asksFirst, moveItem } from "./actions";
import { ReasonDialog } from "./dialogs";

interface Moves {
  move: (request: MoveRequest) => void;
  /** The last move; an item of that version is shown where it goes until it is read anew. */
  moving: MoveRequest | null;
  /** To be placed once in the view. */
  dialog: ComponentChild;
}

export function useMoves(stream: Stream | undefined): Moves {
  const [question, setQuestion] = useState<Question | null>(null);
  const [moving, setMoving] = useState<MoveRequest | null>(null);

  async function run(request: MoveRequest): Promise<void> {
    const first = stream && asksFirst(stream, request);
    if (first) {
      setQuestion(first);
      return;
    }
    setMoving(request);
    try {
      const refused = await moveItem(request);
      setQuestion(refused);
      if (refused) setMoving(null);
    } catch (thrown) {
      const problem = asProblem(thrown);
      setQuestion(null);
      setMoving(null);
      tell(`${problem.title} ${problem.detail} ${problem.advice}`);
      changes.tellNow();
    }
  }

  const move = (request: MoveRequest) => void run(request);
  const dialog = question && (
    <ReasonDialog key={`${question.asks}${question.why}`} question={question} answer={move} close={() => setQuestion(null)} />
  );
  return { move, moving, dialog };
}
