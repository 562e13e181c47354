// The calendar beside a date's field. The program draws the month; this shows it,
// walks in it and puts the chosen day into the field.

const dialog = document.createElement("dialog");
dialog.className = "calendar-box";
document.body.append(dialog);
let control = null;

async function month(at) {
  const form = control.closest("form[data-calendar-at]");
  const r = await fetch(`${form.dataset.calendarAt}?${new URLSearchParams({ at, chosen: control.value })}`).catch(() => null);
  if (!r?.ok) return;
  dialog.innerHTML = await r.text();
  (dialog.querySelector(".chosen") || dialog.querySelector(".today") || dialog.querySelector(".day"))?.focus();
}

document.addEventListener("click", (e) => {
  const button = e.target.closest?.("[data-calendar]");
  if (!button) return;
  control = document.getElementById(button.dataset.calendar);
  dialog.setAttribute("aria-label", button.getAttribute("aria-label"));
  dialog.showModal();
  month("");
});

dialog.addEventListener("click", (e) => {
  const button = e.target.closest("button");
  if (e.target === dialog || button?.dataset.close !== undefined) return dialog.close();
  if (button?.dataset.to !== undefined) return month(button.dataset.to || "today");
  if (button?.dataset.day === undefined) return;
  control.value = button.dataset.day;
  control.dispatchEvent(new Event("change", { bubbles: true }));
  dialog.close();
  control.focus();
});

dialog.addEventListener("keydown", (e) => {
  const days = [...dialog.querySelectorAll(".day")];
  const at = days.indexOf(document.activeElement);
  if (at < 0) return;
  const ahead = getComputedStyle(dialog).direction === "rtl" ? -1 : 1;
  const step = { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: 7, ArrowUp: -7 }[e.key];
  if (step === undefined) return;
  e.preventDefault();
  const to = days[at + step];
  if (to) return to.focus();
  dialog.querySelectorAll(".calendar-head [data-to]")[step < 0 ? 1 : 2]?.click();
});
