// What all pages share: events of the program, the lock, and a word when the
// program is gone. Nothing here knows a form, and no text stands here.

const body = document.body;

// The program tells that something changed, never what: parts of the page that
// show it ask anew (hx-trigger="records from:body"). Only a page that is seen
// listens: a browser has six connections to one address, and pages in the
// background would keep them from those in front.
if (body.dataset.events) {
  const names = ["sync", "records", "conflicts", "drafts", "counted"];
  const tell = (name) => body.dispatchEvent(new CustomEvent(name));
  let events = null;
  let last = null; // what was heard last, so that nothing is missed meanwhile
  // While the browser tries again the program is away; what changed meanwhile is
  // asked for when it is back. One that refuses is there.
  let away = false;
  const listen = () => {
    events = new EventSource(body.dataset.events + (last ? `?since=${last}` : ""));
    const listener = events;
    for (const name of ["now", "lock", ...names]) {
      listener.addEventListener(name, (e) => {
        last = e.lastEventId || last;
        if (name === "lock") location.reload();
        else if (name !== "now") tell(name);
      });
    }
    listener.addEventListener("error", () => {
      away = listener.readyState === EventSource.CONNECTING;
      gone(away);
    });
    listener.addEventListener("open", () => {
      if (away && !last) names.forEach(tell); // who tells no numbers does not know what was missed
      away = false;
      gone(false);
    });
  };
  const look = () => {
    if (document.visibilityState === "hidden") {
      events?.close();
      events = null;
      away = true;
    } else if (!events) {
      listen();
    }
  };
  document.addEventListener("visibilitychange", look);
  look();

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

// What is searched for is asked at the first key, and while an answer is out only what
// was typed last is asked for next (hx-sync="this:queue last"). An answer to what does
// not stand there any more is not shown: the next one is on its way.
body.addEventListener("htmx:beforeSwap", (e) => {
  const asked = e.detail.requestConfig;
  const name = asked.elt.dataset?.typed;
  if (name && asked.elt.elements[name].value !== asked.parameters[name]) e.detail.shouldSwap = false;
});
