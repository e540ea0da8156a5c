// The chat: the answer is shown as it is written, and what changed is fetched. Without it: reload.

import { fetched, follow, localTimes } from "./page.js";

const NAMES = ["talk", "below", "answer"];

/** How many answers stand in the chat: with one more, the one that was being written is there. */
function answers(root) {
  return root.querySelectorAll("#talk .agent").length;
}

/** Take away the answer that is being written: it stands in the chat now, or is told again from its start. */
function shrink(root) {
  const growing = root.querySelector("#growing");
  growing.hidden = true;
  growing.querySelector("pre").textContent = "";
}

/** Show the chat `fresh`; a message that is being typed, and a question that is the same, stay as they are. */
function show(root, fresh) {
  const active = document.activeElement;
  const typed = root.querySelector("#message");
  const answered = answers(root);
  for (const name of NAMES) {
    const before = root.querySelector(`#${name}`);
    const after = fresh.querySelector(`#${name}`);
    if (name === "answer" && typed && after.querySelector("#message")) continue;
    for (const each of after.querySelectorAll("article[data-key]")) {
      const known = before.querySelector(`article[data-key="${CSS.escape(each.dataset.key)}"]`);
      if (known?.dataset.version === each.dataset.version) each.replaceWith(known);
    }
    const folds = [...before.querySelectorAll("details.act")].map((each) => each.open);
    [...after.querySelectorAll("details.act")].forEach((each, at) => { each.open = folds[at] ?? each.open; });
    before.replaceWith(after);
  }
  if (answers(root) !== answered || root.querySelector("#message")) shrink(root);
  localTimes(root);
  prepare(root);
  if (active?.isConnected && active !== document.activeElement) active.focus({ preventScroll: true });
  (root.querySelector("#ask") ?? root.querySelector("#talk > :last-child"))?.scrollIntoView({ block: "nearest" });
}

/** Fetch what was said anew. */
async function renew(root) {
  const fresh = await fetched(location.href, "#chat");
  if (fresh) show(root, fresh);
}

/** Send an answer to a question, and show what it made of the chat. */
async function decide(root, form, button) {
  const live = root.querySelector("#live");
  let answer;
  try {
    const body = new URLSearchParams(new FormData(form, button));
    answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
  } catch {
    live.textContent = "This was not sent: the server cannot be reached. Nothing was decided.";
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("chat");
  if (fresh) show(root, fresh);
  else await renew(root);
  live.textContent = fresh ? "" : [...page.querySelectorAll("main h1, main p")].map((each) => each.textContent).join(" ");
}

/** Ctrl+Enter sends; a file that is too large is refused before it is sent. */
function prepare(root) {
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

prepare(document);
const root = document.getElementById("chat");
if (root) {
  const live = root.querySelector("#live");
  follow(root.dataset.live, root.dataset.seen, () => renew(root), (reached) => {
    live.textContent = reached ? "" : "The server cannot be reached just now; this page waits for it.";
    if (reached) shrink(root);
  }, {
    said: (text) => {
      const growing = root.querySelector("#growing");
      growing.querySelector("pre").textContent += text;
      growing.hidden = false;
      growing.scrollIntoView({ block: "nearest" });
    },
    doing: (text) => { root.querySelector("#doing").textContent = `${text}…`; },
  });
  root.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-answer], form.held")) return;
    event.preventDefault();
    decide(root, event.target, event.submitter);
  });
  root.querySelector("#ask")?.scrollIntoView({ block: "nearest" });
}
