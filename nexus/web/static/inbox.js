// The inbox, live: answers without a reload, changes as they happen, keys. Without it, its forms do the same.

import { fetched, follow, localTimes } from "./page.js";

const SAID = { approve: "Approved", reject: "Rejected", respond: "Answered" };
const offline = "The server cannot be reached. What you see may be old; this page goes on by itself.";
const here = () => document.getElementById("inbox");
const cards = () => [...here().querySelectorAll("article.card")];
const said = document.getElementById("said");
let place = 0;  // of the card that had the focus last

/** Show the inbox `next`; a card that is the same stays the very element, with what was typed into it. */
function show(next) {
  const old = new Map([...here().querySelectorAll("article[data-key]")].map((each) => [each.dataset.key, each]));
  const active = document.activeElement;
  const current = active?.closest("article[data-key]");
  for (const each of next.querySelectorAll("article[data-key]")) {
    const known = old.get(each.dataset.key);
    if (known && known.dataset.version === each.dataset.version) each.replaceWith(known);
  }
  localTimes(next);
  const alert = here().querySelector("#offline");
  const { hidden, textContent } = alert;
  here().replaceWith(next);
  Object.assign(here().querySelector("#offline"), { hidden, textContent });
  document.title = document.title.replace(/^(\(\d+\) )?/, next.dataset.total > 0 ? `(${next.dataset.total}) ` : "");
  if (active?.isConnected) active.focus({ preventScroll: true });
  else if (current) focusOn(here().querySelector(`article[data-key="${CSS.escape(current.dataset.key)}"]`));
}

/** Put the focus on a card. If it is gone, on the heading: never on another card, which a key could answer. */
function focusOn(card) {
  const target = card ?? here().querySelector("h1");
  if (card) place = cards().indexOf(card);
  else target.tabIndex = -1;
  target.focus({ preventScroll: !card });
  card?.scrollIntoView({ block: "nearest" });
}

function tell(text) {
  const alert = document.getElementById("offline");
  alert.textContent = text;
  alert.hidden = !text;
}

async function look() {
  const next = await fetched(location.href, "#inbox");
  if (next) show(next);
}

async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const key = form.closest("article").dataset.key;
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "text/html" } });
  } catch {
    tell("This was not sent: the server cannot be reached. Nothing was decided.");
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById("inbox");
  if (answer.ok && next) {
    tell("");
    show(next);
    focusOn(here().querySelector(`article[data-key="${CSS.escape(key)}"]`));
    const kind = SAID[fields.get("decision")];
    said.textContent = kind ? `${kind}. Press u to undo.` : "Undone.";
  } else {
    await look();
    tell([...page.querySelectorAll("main h1, main p")].map((each) => each.textContent).join(" "));
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("#inbox form[data-answer], #inbox form.held")) return;
  event.preventDefault();
  event.submitter?.setAttribute("aria-busy", "true");
  send(event.target, event.submitter).finally(() => event.submitter?.removeAttribute("aria-busy"));
});

document.addEventListener("focusin", (event) => {
  const card = event.target.closest?.("article.card");
  if (card) place = cards().indexOf(card);
});

function move(step) {
  const all = cards();
  const at = document.activeElement?.closest("article.card");
  const to = at ? all.indexOf(at) + step : place;
  if (to >= all.length && all.length) document.querySelector(".pages [rel=next]")?.click();
  else if (to < 0) document.querySelector(".pages [rel=prev]")?.click();
  else if (all.length) focusOn(all[Math.min(to, all.length - 1)]);
}

const bar = document.getElementById("keys");
const off = document.getElementById("keys-off");
const setOff = (is) => { off.setAttribute("aria-pressed", is); localStorage.setItem("keys-off", is); };
off.setAttribute("aria-pressed", localStorage.getItem("keys-off") === "true");
off.addEventListener("click", () => setOff(off.getAttribute("aria-pressed") !== "true"));
bar.hidden = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || off.getAttribute("aria-pressed") === "true") return;
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "j" || event.key === "k") { move(event.key === "j" ? 1 : -1); return; }
  if (event.repeat || !/^[a-z]$/.test(event.key)) return;
  const target = document.activeElement?.closest("article.card")?.querySelector(`[data-press="${event.key}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
  if (target.matches("summary")) target.parentElement.querySelector("textarea").focus();
});

document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
let wasAway = false;
follow("/ui/inbox/events", here().dataset.state, look, (isThere) => {
  if (wasAway || !isThere) tell(isThere ? "" : offline);
  wasAway = !isThere;
});
