// What every page does: times in the reader's own zone. Without it they stand in UTC.

const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Show the times below `root` as the reader's clock has them. */
export function localTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent;
    time.textContent = CLOCK.format(new Date(time.dateTime));
  }
}

/**
 * Call `look` whenever the server says that something changed since the state `seen`; `tell` with false while the
 * server cannot be reached, and with true when it can again. A browser asks again by itself; an answer that is no
 * stream ends that, so it is tried anew here, and whoever is not logged in any more is led to where they can be.
 * `others` are called with the text of events by name.
 */
export function follow(path, seen, look, tell = () => {}, others = {}) {
  const url = new URL(path, location.href);
  if (seen) url.searchParams.set("seen", seen);
  const source = new EventSource(url);
  source.addEventListener("open", () => tell(true));
  source.addEventListener("changed", (event) => { seen = event.lastEventId; look(seen); });
  for (const [name, told] of Object.entries(others)) {
    source.addEventListener(name, (event) => told(JSON.parse(event.data)));
  }
  source.addEventListener("error", async () => {
    tell(false);
    if (source.readyState !== EventSource.CLOSED) return;
    if (await isOver()) location.reload();
    else setTimeout(() => follow(path, seen, look, tell, others), 2000);
  });
}

/** Whether the page is not shown any more to whoever reads it: it leads to the log-in, or says who it is for. */
async function isOver() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    return answer.type === "opaqueredirect" || answer.status === 401;
  } catch {
    return false;
  }
}

/** The part `selector` of a page as the server has it now; null if it cannot be had. */
export async function fetched(path, selector) {
  try {
    const answer = await fetch(path, { headers: { Accept: "text/html" }, redirect: "follow" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector(selector);
  } catch {
    return null;
  }
}

localTimes();
