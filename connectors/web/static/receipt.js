// Whether all of an answer arrived, in three words, and the detail for who asks.

import { icon, make } from "./elements.js";
import { say } from "./words.js";

export function receipt(box, message) {
  if (box.dataset.footer === message.footer) return;
  box.dataset.footer = message.footer;
  const verdict = message.verdict;
  if (!verdict) {
    box.replaceChildren(message.footer);
    return;
  }
  const details = make("details", verdict);
  const summary = make("summary");
  const whole = verdict === "verified" || verdict === "mended";
  const cut = whole && message.controls.includes("retry") && !message.controls.includes("up");
  summary.append(icon(whole ? "tick" : "warn"), say(cut ? "receipt.cut" : `receipt.${verdict}`));
  details.append(summary, make("p", "detail", message.footer), ...way(message));
  box.replaceChildren(details);
}

// Where there is an inspector, the way to the proof.
function way({ run_id }) {
  const runs = document.body.dataset.runs;
  if (!runs || !run_id) return [];
  const link = make("a", "", say("receipt.way"));
  link.href = `${runs}/${run_id}`;
  return [link];
}
