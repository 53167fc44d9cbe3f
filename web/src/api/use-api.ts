/** Reading from the API in a component: what was last known stays on the page while newer comes. */
import { useEffect, useState } from "preact/hooks";
import { type Answer, type At, type GetPath, Problem, type Query, addressOf, filled, get } from "./client";
import { useRounds } from "./use-rounds";

export interface Reading<T> {
  data: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  /** `data` is of an earlier question, or could not be brought up to date. */
  stale: boolean;
  /** Where the answer comes from, to be copied. */
  address: string;
  reload: () => void;
}

const KEPT = 60;
const kept = new Map<string, unknown>();
const RETRY_MS = 5000;

function keep(address: string, data: unknown): void {
  kept.delete(address);
  kept.set(address, data);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}

/** Read a path; `null` instead of a query reads nothing. Reads again when the stream changed. */
export function useApi<P extends GetPath>(path: P, query: Query<P> | null, at: At = {}): Reading<Answer<P>> {
  const address = query ? addressOf(filled(path as string, at), query as Record<string, unknown>) : "";
  const [state, setState] = useState<{ address: string; data?: unknown; problem?: Problem; fresh: boolean }>({
    address: "",
    fresh: false,
  });
  const { round, again, began, ended } = useRounds();

  useEffect(() => {
    if (!query) return;
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    began();
    get(path, query, at, abort.signal).then(
      (data) => {
        keep(address, data);
        if (abort.signal.aborted) return;
        ended();
        setState({ address, data, fresh: true });
      },
      (problem: unknown) => {
        if (abort.signal.aborted) return;
        ended();
        const told = problem instanceof Problem ? problem : new Problem("Unexpected answer", String(problem), 0, "");
        setState((before) => ({ ...before, problem: told, fresh: false }));
        if (told.status === 0 || told.status === 503) retry = setTimeout(again, RETRY_MS);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(retry);
    };
  }, [address, round]);

  const here = state.address === address;
  const data = here ? state.data : (kept.get(address) ?? state.data);
  const settled = here && (state.fresh || state.problem !== undefined);
  return {
    data: query ? (data as Answer<P> | undefined) : undefined,
    problem: query ? state.problem : undefined,
    loading: query !== null && !settled && !state.problem,
    stale: data !== undefined && (!here || !state.fresh),
    address,
    reload: again,
  };
}
