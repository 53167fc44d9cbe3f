/** Writes: each with a key of its own, so that a repeated request happens once. */
import { Problem, addressOf, problemOf } from "./client";

interface Options {
  query?: Record<string, unknown>;
  /** JSON unless it is a text or a file. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Send a request that changes something and read its answer; throws Problem. */
export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, { query = {}, body, headers }: Options): Promise<T> {
  const raw = typeof body === "string" || body instanceof Blob;
  let answer: Response;
  try {
    answer = await fetch(addressOf(path, query), {
      method,
      body: raw ? body : JSON.stringify(body),
      headers: {
        "Content-Type": raw ? "application/octet-stream" : "application/json",
        "Idempotency-Key": newKey(),
        ...headers,
      },
    });
  } catch {
    throw new Problem("The service cannot be reached", "Nothing was changed, as far as is known.", 0, "about:blank");
  }
  const told: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok) throw problemOf(told, answer.status);
  return told as T;
}

function newKey(): string {
  // crypto.randomUUID is missing on plain http away from localhost
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whatever was thrown, as a Problem. */
export function asProblem(thrown: unknown): Problem {
  return thrown instanceof Problem ? thrown : new Problem("The page made a mistake", String(thrown), 500, "about:blank");
}
