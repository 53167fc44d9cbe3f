/** All items that a question finds, page by page, up to a bound. */
import { useEffect, useState } from "preact/hooks";
import { type Problem, type Query, addressOf, get } from "./client";
import type { components } from "./schema";
import { asProblem } from "./send";
import { useRounds } from "./use-rounds";

export type Item = components["schemas"]["WorkItemOut"];
export type ItemQuery = Query<"/api/v1/work-items">;

const PAGE = 500;

export interface Items {
  items: Item[] | undefined;
  /** All were read: there are no more than these. */
  complete: boolean;
  loading: boolean;
  problem: Problem | undefined;
  address: string;
  reload: () => void;
}

/** Read up to `most` items; what is known stays while newer comes. */
export function useItems(query: ItemQuery | null, most: number): Items {
  const address = query ? addressOf("/api/v1/work-items", query) : "";
  const [found, setFound] = useState<{ address: string; items: Item[]; complete: boolean; done: boolean }>();
  const [problem, setProblem] = useState<Problem>();
  const { round, again, began, ended } = useRounds();
  useEffect(() => {
    if (!query) return;
    const abort = new AbortController();
    const first = found?.address !== address;
    began();
    void readAll(query, most, abort.signal, (items, complete, done) => {
      if (abort.signal.aborted) return;
      setProblem(undefined);
      if (done) ended();
      if (first || done) setFound({ address, items, complete, done });
    }).catch((thrown: unknown) => {
      if (abort.signal.aborted) return;
      ended();
      setProblem(asProblem(thrown));
    });
    return () => abort.abort();
  }, [address, most, round]);
  return {
    items: found?.items,
    complete: found?.complete ?? false,
    loading: found?.address !== address || !found.done,
    problem,
    address,
    reload: again,
  };
}

type Told = (items: Item[], complete: boolean, done: boolean) => void;

async function readAll(query: ItemQuery, most: number, signal: AbortSignal, tell: Told): Promise<void> {
  let items: Item[] = [];
  let cursor: string | null = null;
  do {
    const limit = Math.min(PAGE, most - items.length);
    const page: components["schemas"]["WorkItemList"] = await get(
      "/api/v1/work-items",
      { ...query, limit, ...(cursor && { cursor }) },
      {},
      signal,
    );
    items = items.concat(page.items);
    cursor = page.next_cursor;
    tell(items, cursor === null, cursor === null || items.length >= most);
  } while (cursor !== null && items.length < most);
}
