/** One short message at the bottom, which may offer to undo what it tells. */
import { useEffect, useState } from "preact/hooks";

export interface Message {
  text: string;
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 8000;
let show: (message: Message) => void = () => {};

export function tell(text: string, action?: Message["action"]): void {
  show({ text, action });
}

export function Toast() {
  const [message, setMessage] = useState<Message | null>(null);
  useEffect(() => {
    show = setMessage;
  }, []);
  useEffect(() => {
    if (!message) return;
    const timer = setTimeout(() => setMessage(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [message]);
  return (
    <div role="status" aria-live="polite">
      {message && (
        <div class="toast">
          <span>{message.text}</span>
          {message.action && (
            <button
              onClick={() => {
                message.action?.run();
                setMessage(null);
              }}
            >
              {message.action.label}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
