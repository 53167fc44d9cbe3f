/** A question in front of the page: the browser's own dialog keeps the focus and closes on Escape. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface Props {
  title: string;
  confirm: string;
  onConfirm: () => void;
  onClose: () => void;
  busy?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, confirm, onConfirm, onClose, busy, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm();
        }}
      >
        <h2 id={id}>{title}</h2>
        {children}
        <div class="row">
          <button class="primary" type="submit" disabled={busy}>
            {confirm}
          </button>
          <button type="button" onClick={() => ref.current?.close()}>
            Never mind
          </button>
        </div>
      </form>
    </dialog>
  );
}
