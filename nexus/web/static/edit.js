// The form of an edit: what does not fit is told while it is typed. Without it, it is told when it is sent.

const form = document.querySelector("form[data-check]");
const problem = document.getElementById("problem");
let timer, number = 0;

async function check() {
  const mine = ++number;
  let found;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.check, { method: "POST", body, headers: { Accept: "application/json" } });
    found = await answer.json();
  } catch {
    return;  // sending the form tells
  }
  if (mine !== number) return;
  const text = found.problem ?? found.detail ?? "";
  if (problem.textContent !== text) problem.textContent = text;
  problem.hidden = !text;
  for (const each of form.elements) {
    const isWrong = found.field && each.name === `a.${found.field}`;
    if (isWrong) each.setAttribute("aria-invalid", "true");
    else each.removeAttribute("aria-invalid");
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(check, 250);
});
