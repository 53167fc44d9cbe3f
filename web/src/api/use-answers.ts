/** Answers to several questions at once, of which none is of use without the others. */
import { useEffect, useState } from "preact/hooks";
import type { Question } from "../charts/chart";
import { type Problem, addressOf, get } from "./client";
import { asProblem } from "./send";

interface Answers {
  answers: unknown[] | undefined;
  problem: Problem | undefined;
}

/** What was last known stays while newer comes; they are asked again when `asOf` is another. */
export function useAnswers(questions: Question[], asOf = ""): Answers {
  const [found, setFound] = useState<Answers>({ answers: undefined, problem: undefined });
  const key = questions.map(({ path, query }) => addressOf(path, query)).join(" ");
  useEffect(() => {
    if (!key) return;
    const abort = new AbortController();
    const ask = get as unknown as (path: string, query: unknown, at: undefined, signal: AbortSignal) => Promise<unknown>;
    Promise.all(questions.map(({ path, query }) => ask(path, query, undefined, abort.signal))).then(
      (answers) => abort.signal.aborted || setFound({ answers, problem: undefined }),
      (thrown: unknown) => abort.signal.aborted || setFound((before) => ({ ...before, problem: asProblem(thrown) })),
    );
    return () => abort.abort();
  }, [key, asOf]);
  return found;
}
