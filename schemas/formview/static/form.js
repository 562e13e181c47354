// A form being filled in. The program holds it: each field is sent when it is
// left, when typing pauses or goes on for long, and when the page is hidden, and what the program
// answers with are the parts of the page that show something else now. Nothing
// here knows a field, and no text stands here.

const form = document.querySelector("form[data-draft]");
const pause = 1000; // ms after which typing counts as paused
const latest = 1500; // ms after which typing is sent though it does not pause
const again = 3000; // ms until what was not taken is sent once more

const dirty = new Set(); // paths of the fields that were touched and not sent
let timer = 0;
let atLatest = 0;
let sending = null;

document.documentElement.classList.add("js");

const fieldOf = (e) => e.closest("[data-path]");
const fieldAt = (path) => form.querySelector(`[data-path="${CSS.escape(path)}"]`);
const isText = (e) => e && e.matches("textarea, input:not([type=radio], [type=checkbox], [type=hidden], [type=search])");

function touch(e, wait) {
  const field = fieldOf(e.target);
  if (!field || e.target.dataset.search !== undefined) return;
  mark(field.dataset.path);
  clearTimeout(timer);
  timer = setTimeout(flush, wait);
  atLatest ||= setTimeout(flush, latest);
}

// mark notes that a field was touched; busy shows that something is on its way.
function mark(path) {
  dirty.add(path);
  busy();
}
function busy() {
  form.toggleAttribute("data-busy", dirty.size > 0 || sending !== null);
}

form.addEventListener("input", (e) => { if (isText(e.target)) touch(e, pause); });
form.addEventListener("change", (e) => touch(e, 0));

// What a field sends: its controls, and what it showed before.
function collect(path, into) {
  const field = fieldAt(path);
  if (!field) return;
  for (const c of field.querySelectorAll("input, textarea")) {
    if (c.name !== path && c.name !== "was:" + path) continue;
    if ((c.type === "radio" || c.type === "checkbox") && !c.checked) continue;
    into.append(c.name, c.value);
  }
}

// flush sends what was touched, one request after the other.
export async function flush(act, options = {}) {
  clearTimeout(timer);
  clearTimeout(atLatest);
  atLatest = 0;
  while (sending) await sending;
  const paths = [...dirty];
  if (!paths.length && !act) return;
  dirty.clear();
  const body = new URLSearchParams();
  for (const path of paths) collect(path, body);
  if (act) body.append("do", act);
  body.append("shown", [...document.querySelectorAll("[data-part]")].map((e) => `${e.id} ${e.dataset.part}`).join(" "));
  sending = send(body, options);
  const taken = await sending;
  sending = null;
  if (!taken) {
    for (const path of paths) dirty.add(path); // nothing is lost: it goes again
    timer = setTimeout(flush, again);
  }
  busy();
}

async function send(body, options) {
  const gone = document.getElementById("gone");
  try {
    const r = await fetch(form.action, { method: "POST", body, redirect: "manual", headers: { "Mahalleh-Parts": "1" }, ...options });
    if (r.type === "opaqueredirect") location.reload(); // the screen is locked
    if (!r.headers.get("Mahalleh-Parts")) throw new Error(r.status);
    if (gone) gone.hidden = true;
    const to = r.headers.get("Mahalleh-Go");
    if (to) {
      location.assign(to);
      return true;
    }
    show(await r.text());
    const focus = r.headers.get("Mahalleh-Focus");
    if (focus) reach(focus);
    // What was not stored is in the program's memory: it tries again.
    if (document.querySelector("#form-state[data-failed]")) timer = setTimeout(() => flush("again"), again);
    return true;
  } catch {
    if (gone) gone.hidden = false;
    return false;
  }
}

// show puts parts of the page in place of those that stand there.
function show(html) {
  const parts = document.createElement("template");
  parts.innerHTML = html;
  for (const part of [...parts.content.children]) {
    const old = document.getElementById(part.id);
    if (!old) continue;
    const held = old.contains(document.activeElement) ? document.activeElement : null;
    if (old.dataset.path && (isText(held) || dirty.has(old.dataset.path)) && part.dataset.path && !old.querySelector(".repeat")) {
      around(old, part);
      continue;
    }
    // The one that keys walk through, of however many a list has.
    const open = byKey && held?.closest("details[open]")?.querySelector("summary")?.id;
    old.replaceWith(part);
    if (part.dataset.wrong !== undefined) section(part).open = true;
    if (open) document.getElementById(open)?.closest("details")?.setAttribute("open", "");
    if (held && held.id) document.getElementById(held.id)?.focus({ preventScroll: true });
  }
}

// around renews what stands around a control that somebody is in.
function around(old, part) {
  for (const what of [".told", ".shown", ".hint"]) {
    const [a, b] = [old.querySelector(what), part.querySelector(what)];
    if (a && b) a.replaceWith(b);
  }
  const was = `[name="was:${CSS.escape(old.dataset.path)}"]`;
  const [a, b] = [old.querySelector(was), part.querySelector(was)];
  if (a && b) a.value = b.value;
  const control = `input[id="${old.id}-c"], textarea[id="${old.id}-c"]`;
  const [c, d] = [old.querySelector(control), part.querySelector(control)];
  for (const name of c && d ? ["aria-describedby", "aria-invalid"] : []) {
    if (d.hasAttribute(name)) c.setAttribute(name, d.getAttribute(name));
    else c.removeAttribute(name);
  }
  old.dataset.part = part.dataset.part;
}

const section = (e) => e.closest(".section");
const controls = "input:not([type=hidden], [type=search]), textarea, summary, button";

// reach leads to a control, or to the first of the part that it would be in.
function reach(id) {
  const e = document.getElementById(id) || document.getElementById(id.replace(/-c$/, ""))?.querySelector(controls);
  if (!e) return;
  for (let d = e.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
  e.focus();
  e.scrollIntoView({ block: "center" });
}

// A choice that is opened stays open while keys walk through it, and closes when
// a finger has chosen.
let byKey = false;
form.addEventListener("click", (e) => { if (e.target.type === "radio") byKey = e.detail === 0; }, true);

form.addEventListener("submit", (e) => {
  const act = e.submitter?.name === "do" ? e.submitter.value : "";
  e.preventDefault();
  markChanged();
  flush(act);
});

// markChanged notes every field whose control holds something else than the page
// showed, however that came about.
function markChanged() {
  for (const c of form.querySelectorAll("[data-path] input:not([type=hidden]), [data-path] textarea")) {
    const path = fieldOf(c).dataset.path;
    if (c.name !== path) continue;
    const was = isText(c) ? form.querySelector(`[name="was:${CSS.escape(path)}"]`).value : c.defaultChecked;
    if (was !== (isText(c) ? c.value : c.checked)) mark(path);
  }
}

// The key that ends a line leads to the next field, as the keyboards of phones
// promise.
form.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.target.matches("textarea, button, summary, a")) return;
  e.preventDefault();
  const all = [...form.querySelectorAll("input:not([type=hidden]), textarea, summary, button.main")].filter((c) => c.checkVisibility());
  all[all.indexOf(e.target) + 1]?.focus();
});

// A long choice is searched by the program, which knows the spellings: at the first
// key, and while an answer is out only what was typed last is asked for next.
let searched = null; // the box that is to be asked for
let asking = false;
async function search() {
  if (asking) return;
  asking = true;
  while (searched) {
    const box = searched;
    searched = null;
    const r = await fetch(`${form.action}/choices?${new URLSearchParams({ path: box.dataset.search, q: box.value })}`).catch(() => null);
    if (!r?.ok || searched) continue;
    const part = document.createElement("template");
    part.innerHTML = await r.text();
    const options = part.content.querySelector(".options");
    if (options) document.getElementById(options.id)?.replaceWith(options);
  }
  asking = false;
}
form.addEventListener("input", (e) => {
  if (e.target.dataset.search === undefined) return;
  searched = e.target;
  search();
});

// A page that is hidden may never come back.
const leave = () => { if (dirty.size) flush(undefined, { keepalive: true }); };
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") leave(); });
addEventListener("pagehide", () => {
  leave();
  const open = [...form.querySelectorAll("details.section[open] .section-head")].map((e) => e.id);
  sessionStorage.setItem(form.action, JSON.stringify([scrollY, document.activeElement?.id || "", open]));
});

// Whoever comes back to a form goes on where they were.
const left = JSON.parse(sessionStorage.getItem(form.action) || "null");
if (location.hash.startsWith("#f-")) reach(location.hash.slice(1));
else if (left) {
  const [y, id, open] = left;
  for (const e of form.querySelectorAll("details.section")) {
    const head = e.querySelector(".section-head");
    e.open = open.includes(head.id) || head.dataset.wrong !== undefined;
  }
  if (id) document.getElementById(id)?.focus({ preventScroll: true });
  if (y) scrollTo(0, y);
}

// Links to fields lead into them; one to the next section folds its own.
document.addEventListener("click", (e) => {
  const to = e.target.closest?.('a[href^="#f-"], .section-next a');
  if (!to) return;
  e.preventDefault();
  const id = to.hash.slice(1);
  if (!to.closest(".section-next")) return reach(id);
  const next = section(document.getElementById(id));
  section(to).open = false;
  next.open = true;
  next.firstElementChild.focus({ preventScroll: true });
  next.scrollIntoView({ block: "start" });
});

// What was touched before this script was there to hear it goes now.
markChanged();
if (dirty.size) flush();
