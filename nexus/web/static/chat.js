// The chat: the answer is shown as it is written, and what changed is fetched. Without it: reload.

import { fetched, follow, localTimes } from "./page.js";

const NAMES = ["talk", "below", "answer"];

/** Fetch what was said anew; a message that is being typed stays as it is. */
async function renew(root) {
  const fresh = await fetched(location.href, "#chat");
  if (!fresh) return;
  const typed = root.querySelector("#message");
  for (const name of NAMES) {
    const before = root.querySelector(`#${name}`);
    const after = fresh.querySelector(`#${name}`);
    if (name === "answer" && typed && after.querySelector("#message")) continue;
    const folds = [...before.querySelectorAll("details")].map((each) => each.open);
    [...after.querySelectorAll("details")].forEach((each, number) => { each.open = folds[number] ?? each.open; });
    before.replaceWith(after);
  }
  const growing = root.querySelector("#growing");
  growing.hidden = true;
  growing.querySelector("pre").textContent = "";
  localTimes(root);
  sendByKey(root);
  (root.querySelector("#ask") ?? root.querySelector("#talk > :last-child"))?.scrollIntoView({ block: "nearest" });
}

/** Ctrl+Enter sends; a file that is too large is refused before it is sent. */
function sendByKey(root) {
  const message = root.querySelector("#message");
  const file = root.querySelector("#file");
  if (file) file.onchange = () => {
    const tooLarge = file.files[0]?.size > Number(file.dataset.largest);
    file.setCustomValidity(tooLarge ? "This file is too large." : "");
    file.reportValidity();
  };
  if (message) message.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) message.form.requestSubmit();
  };
}

sendByKey(document);
const root = document.getElementById("chat");
if (root) {
  const live = root.querySelector("#live");
  follow(root.dataset.live, root.dataset.seen, () => renew(root), (reached) => {
    live.textContent = reached ? "" : "The server cannot be reached just now; this page waits for it.";
  }, {
    said: (text) => {
      const growing = root.querySelector("#growing");
      growing.querySelector("pre").textContent += text;
      growing.hidden = false;
      growing.scrollIntoView({ block: "nearest" });
    },
    doing: (text) => { root.querySelector("#doing").textContent = `${text}…`; },
  });
  root.querySelector("#ask")?.scrollIntoView({ block: "nearest" });
}
