/** The service's API, typed by its own description; whatever goes wrong is a Problem. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";

/** Paths that answer GET with JSON. */
export type GetPath = {
  [P in keyof paths]: paths[P] extends { get: { responses: { 200: { content: { "application/json": unknown } } } } }
    ? P
    : never;
}[keyof paths];

export type Answer<P extends GetPath> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer A } } } };
}
  ? A
  : never;

export type Query<P extends GetPath> = paths[P] extends { get: { parameters: { query?: infer Q } } }
  ? [NonNullable<Q>] extends [never]
    ? Record<string, never>
    : NonNullable<Q>
  : Record<string, never>;

export const client = createClient<paths>({ baseUrl: "" });

/** One part of a request that is wrong; in a file, with its place. */
export interface FieldProblem {
  field: string;
  message: string;
  line?: number | null;
  column?: number | null;
}

/** What the service, or the way to it, says about a request that failed. */
export class Problem extends Error {
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly status: number,
    readonly type: string,
    readonly errors: FieldProblem[] = [],
  ) {
    super(`${title}: ${detail}`);
  }

  /** What a person can do about it. */
  get advice(): string {
    if (this.status === 0) return "Is the service running? The page tries again by itself.";
    if (this.status === 404) return "It may have been removed, or the address is mistyped.";
    if (this.status === 409 || this.status === 412) return "Somebody was faster. Look at the present state, then try again.";
    if (this.status === 422 || this.status === 400) return "Change the filter or the input that is named.";
    if (this.status === 503) return "The database cannot be reached just now. The page tries again by itself.";
    return "Try again; if it stays, the service's log tells more.";
  }
}

/** Read the answer to a request; throws Problem when it is none. */
export async function answered<T>(request: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let result;
  try {
    result = await request;
  } catch {
    throw new Problem("The service cannot be reached", "No answer came.", 0, "about:blank");
  }
  if (result.response.ok) return result.data as T;
  throw problemOf(result.error, result.response.status);
}

export function problemOf(body: unknown, status: number): Problem {
  const told = (typeof body === "object" && body ? body : {}) as Record<string, unknown>;
  const errors = Array.isArray(told.errors) ? (told.errors as FieldProblem[]) : [];
  return new Problem(
    String(told.title ?? `The service answered ${status}`),
    String(told.detail ?? "It did not say why."),
    status,
    String(told.type ?? "about:blank"),
    errors,
  );
}

/** The address of a GET with these parameters; those that are unset are left out. */
export function addressOf(path: string, query: Record<string, unknown>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") search.append(name, String(each));
    }
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** What stands for the braces in a path. */
export type At = Record<string, string | number>;

/** A path with its braces filled. */
export function filled(path: string, at: At = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(at[name])));
}

/** GET a path and read its JSON; throws Problem. */
export async function get<P extends GetPath>(path: P, query: Query<P>, at: At = {}, signal?: AbortSignal): Promise<Answer<P>> {
  const request = client.GET as (path: string, options: unknown) => Promise<{ data?: unknown; response: Response }>;
  return (await answered(request(path as string, { params: { query, path: at }, signal }))) as Answer<P>;
}
