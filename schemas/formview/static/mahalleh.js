// What all pages share: events of the program, the lock, and a word when the
// program is gone. Nothing here knows a form, and no text stands here.

const body = document.body;

// The program tells that something changed, never what: parts of the page that
// show it ask anew (hx-trigger="records from:body").
if (body.dataset.events) {
  const events = new EventSource(body.dataset.events);
  for (const name of ["sync", "records", "conflicts", "drafts", "counted"]) {
    events.addEventListener(name, () => body.dispatchEvent(new CustomEvent(name)));
  }
  events.addEventListener("lock", () => location.reload());
  // While the browser tries again the program is away; what changed meanwhile is
  // asked for when it is back. One that refuses is there.
  let away = false;
  events.addEventListener("error", () => {
    away = events.readyState === EventSource.CONNECTING;
    gone(away);
  });
  events.addEventListener("open", () => {
    if (away) body.dispatchEvent(new CustomEvent("records"));
    away = false;
    gone(false);
  });

  // The device locks when no person did anything. Reading and scrolling is
  // something, and the program cannot see it.
  let told = performance.now();
  const active = () => {
    if (performance.now() - told < 60000) return;
    told = performance.now();
    fetch(body.dataset.active, { method: "POST" }).catch(() => gone(true));
  };
  for (const what of ["pointerdown", "keydown", "scroll"]) {
    addEventListener(what, active, { passive: true });
  }
}

// A page that comes back from the browser's memory may show what is locked now.
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });

function gone(is) {
  const word = document.getElementById("gone");
  if (word) word.hidden = !is;
}
body.addEventListener("htmx:sendError", () => gone(true));
body.addEventListener("htmx:afterOnLoad", () => gone(false));

// A passphrase is typed unseen only where others look on: a box shows it.
for (const box of document.querySelectorAll("[data-reveal]")) {
  box.closest("[hidden]").hidden = false;
  const secrets = box.form.querySelectorAll('input[type="password"]');
  box.addEventListener("change", () => secrets.forEach((s) => { s.type = box.checked ? "text" : "password"; }));
}

// A refusal is a page or a part of one, too: show it.
body.addEventListener("htmx:beforeSwap", (e) => {
  if (e.detail.xhr.status >= 400 && e.detail.xhr.getResponseHeader("Mahalleh-Part")) {
    e.detail.shouldSwap = true;
    e.detail.isError = false;
  }
});
