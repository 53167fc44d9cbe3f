/** The stream that is looked at, with its stages and rules. */
import type { Filters } from "../state/filters";
import type { components } from "./schema";
import { type Reading, useApi } from "./use-api";

export type Stream = components["schemas"]["ValueStreamOut"];

export function useStream(filters: Filters): Reading<Stream> {
  const streams = useApi("/api/v1/value-streams", filters.stream ? null : {});
  const key = filters.stream ?? streams.data?.find((each) => each.is_default)?.key;
  const reading = useApi("/api/v1/value-streams/{key}", key ? {} : null, { key: key ?? "" });
  return streams.problem ? { ...reading, problem: streams.problem } : reading;
}
