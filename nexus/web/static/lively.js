// Keeps the parts of a page that say so (data-live, data-seen) as the server has them. Without it: look again.
import { fetched, follow, localTimes } from "./page.js";

for (const part of document.querySelectorAll("[data-live][id]")) {
  follow(part.dataset.live, part.dataset.seen, () => renew(part));
}

/** Show what the part is now; whoever stands on a button in it stays there. */
async function renew(part) {
  const now = await fetched(location.href, `#${CSS.escape(part.id)}`);
  if (!now) return;
  const open = part.querySelector("details[open]");
  if (open && open.contains(document.activeElement)) return; // somebody is about to disconnect
  const place = [...part.querySelectorAll("a, button, summary")].indexOf(document.activeElement);
  part.replaceChildren(...now.childNodes);
  localTimes(part);
  if (place >= 0) [...part.querySelectorAll("a, button, summary")][place]?.focus();
  announce(part);
}

/** Say the state to those who do not see it. */
function announce(part) {
  const said = [...part.querySelectorAll(".badge, .alert")].map((each) => each.textContent.trim()).join(", ");
  let status = document.getElementById("announced");
  if (!status) {
    status = Object.assign(document.createElement("p"), { id: "announced", className: "sr" });
    status.setAttribute("role", "status");
    document.querySelector("main").append(status);
  }
  if (said && status.textContent !== said) status.textContent = said;
}
