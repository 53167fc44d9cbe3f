/** Word that the data changed, so that whoever shows some of it reads again. */
/** `own`: the change was made on this page, so whoever made it wants to see it at once. */
type Listener = (own: boolean) => void;

const listeners = new Set<Listener>();
const QUIET_MS = 400;
let waiting: ReturnType<typeof setTimeout> | undefined;

export const changes = {
  /** Call `listener` at each change; returns what ends that. */
  listen(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Tell everybody, once for many changes that come together. */
  tell(): void {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      listeners.forEach((listener) => listener(false));
    }, QUIET_MS);
  },
  /** Tell everybody at once: the change was made here. */
  tellNow(): void {
    listeners.forEach((listener) => listener(true));
  },
};
