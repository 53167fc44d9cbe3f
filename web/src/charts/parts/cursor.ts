/** One mark at a time, by pointer or by keyboard: the keyboard path of every chart. */
import { useState } from "preact/hooks";

export interface Cursor {
  /** Place of the chosen mark; null when none is. */
  place: number | null;
  choose: (place: number | null) => void;
  /** Goes on the focusable frame around the picture. */
  onKeyDown: (event: KeyboardEvent) => void;
  onBlur: () => void;
}

/** Walk through `number` marks with the arrow keys, Home and End, from `first` on; Enter opens the chosen one. */
export function useCursor(number: number, open?: (place: number) => void, first = number - 1): Cursor {
  const [place, choose] = useState<number | null>(null);
  const here = place !== null && place < number ? place : null;
  const back = (at: number) => Math.max(0, at - 1);
  const on = (at: number) => Math.min(number - 1, at + 1);
  const steps: Record<string, (at: number) => number> = {
    ArrowLeft: back,
    ArrowUp: back,
    ArrowRight: on,
    ArrowDown: on,
    PageUp: (at) => Math.max(0, at - 10),
    PageDown: (at) => Math.min(number - 1, at + 10),
    Home: () => 0,
    End: () => number - 1,
  };
  return {
    place: here,
    choose,
    onBlur: () => choose(null),
    onKeyDown: (event) => {
      const step = steps[event.key];
      if (step && number > 0) {
        event.preventDefault();
        choose(here === null && event.key.startsWith("Arrow") ? first : step(here ?? first));
      } else if (event.key === "Enter" && here !== null) {
        open?.(here);
      } else if (event.key === "Escape") {
        choose(null);
      }
    },
  };
}
