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

/** Walk through `number` marks with the arrow keys, Home and End; Enter opens the chosen one. */
export function useCursor(number: number, open?: (place: number) => void): Cursor {
  const [place, choose] = useState<number | null>(null);
  const here = place !== null && place < number ? place : null;
  const steps: Record<string, (at: number) => number> = {
    ArrowLeft: (at) => Math.max(0, at - 1),
    ArrowRight: (at) => Math.min(number - 1, at + 1),
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
        choose(here === null ? number - 1 : step(here));
      } else if (event.key === "Enter" && here !== null) {
        open?.(here);
      } else if (event.key === "Escape") {
        choose(null);
      }
    },
  };
}
