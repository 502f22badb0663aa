// Keeps the page up to date, and sends its forms without leaving it. Without scripts it works too.
"use strict";
const shown = new Map();
const status = document.getElementById("said");
for (const part of document.querySelectorAll("[data-live]")) shown.set(part.id, part.innerHTML);

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) {
    if (shown.get(part.id) === part.innerHTML) continue;
    shown.set(part.id, part.innerHTML);
    const focused = document.activeElement && document.activeElement.id;
    document.getElementById(part.id).innerHTML = part.innerHTML;
    const again = focused && document.getElementById(focused);
    if (again && document.activeElement !== again) again.focus();
  }
}

async function follow() {
  let version = Number(document.body.dataset.version);
  for (;;) {
    try {
      const answer = await fetch("/sandbox/changes?after=" + version);
      version = (await answer.json()).version;
      await refresh();
    } catch {
      await new Promise((later) => setTimeout(later, 1000));
    }
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  status.textContent = told.error ? "Not done: " + told.error
    : told.status ? told.what + ": answered " + told.status : answer.ok ? "Done." : "Not done: " + answer.status;
  await refresh();
});
document.getElementById("acting").addEventListener("change", (event) => event.target.form.submit());
follow();
