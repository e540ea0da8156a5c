// The page of a thread follows the thread: what changed is fetched as the server shows it. Without it: reload.

import { fetched, follow, localTimes } from "./page.js";

/** Fetch the named parts of this page anew; what is folded out stays so. */
async function renew(root, parts) {
  const fresh = await fetched(location.href, `#${root.id}`);
  if (!fresh) return;
  for (const name of parts) {
    const before = root.querySelector(`#${name}`);
    const after = fresh.querySelector(`#${name}`);
    if (!before || !after) continue;
    const folds = [...before.querySelectorAll("details")].map((each) => each.open);
    [...after.querySelectorAll("details")].forEach((each, number) => {
      if (number < folds.length) each.open = folds[number];
    });
    const kept = document.activeElement?.id;
    before.replaceWith(after);
    if (kept && !document.activeElement?.id) root.querySelector(`#${CSS.escape(kept)}`)?.focus();
  }
  localTimes(root);
  stepTimes(root);
  offerCopies(root);
}

/** Times of steps, with seconds, as the reader's clock has them. */
function stepTimes(root = document) {
  for (const time of root.querySelectorAll("time.clock")) time.textContent = new Date(time.dateTime).toLocaleTimeString();
}

/** Show the buttons that copy; without scripts they would do nothing, so they are hidden. */
function offerCopies(root = document) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.onclick = async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    };
  }
}

const root = document.getElementById("thread");
if (root) {
  const live = document.getElementById("live");
  follow(
    root.dataset.live,
    root.dataset.seen,
    () => renew(root, root.dataset.parts.split(" ")),
    (reached) => { live.textContent = reached ? "" : "The server cannot be reached just now; this page waits for it."; },
  );
}
stepTimes();
offerCopies();
