/** When to read again: at each change, but not before the last reading has come, nor right after a slow one. */
import { useEffect, useRef, useState } from "preact/hooks";
import { changes } from "../state/changes";

/** A reading may take a quarter of the time, not more: the service has others to serve. */
const REST = 3;

export interface Rounds {
  /** Grows whenever it is time to read. */
  round: number;
  again: () => void;
  began: () => void;
  ended: () => void;
}

export function useRounds(): Rounds {
  const [round, setRound] = useState(0);
  const state = useRef({ since: 0, next: 0, due: false, timer: undefined as ReturnType<typeof setTimeout> | undefined });
  const again = () => setRound((n) => n + 1);
  const later = () => {
    const now = state.current;
    now.due = false;
    clearTimeout(now.timer);
    const wait = now.next - Date.now();
    if (wait > 0) now.timer = setTimeout(again, wait);
    else again();
  };
  useEffect(() => {
    const ended = changes.listen((own) => {
      if (own) again();
      else if (state.current.since) state.current.due = true;
      else later();
    });
    return () => {
      ended();
      clearTimeout(state.current.timer);
    };
  }, []);
  return {
    round,
    again,
    began: () => {
      clearTimeout(state.current.timer);
      state.current.since = Date.now();
    },
    ended: () => {
      const now = state.current;
      now.next = Date.now() + REST * (Date.now() - now.since);
      now.since = 0;
      if (now.due) later();
    },
  };
}
