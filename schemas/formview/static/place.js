// The place where somebody stands, as the device finds it. Every text comes from
// the page.

document.addEventListener("click", (e) => {
  const button = e.target.closest?.("[data-gps]");
  if (!button) return;
  const control = document.getElementById(button.dataset.gps);
  const says = button.closest("[data-path]").querySelector("[data-gps-says]");
  const tell = (what) => { says.textContent = what ? says.dataset[what] : ""; };
  if (!navigator.geolocation) return tell("none");
  tell("wait");
  navigator.geolocation.getCurrentPosition((at) => {
    tell("");
    const text = `${at.coords.latitude.toFixed(7)}, ${at.coords.longitude.toFixed(7)} ±${Math.ceil(at.coords.accuracy)}`;
    control.value = button.dataset.corner === undefined ? text : [control.value.trim(), text].filter(Boolean).join("\n");
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }, (failed) => tell({ 1: "refused", 2: "none", 3: "late" }[failed.code]),
  { enableHighAccuracy: true, timeout: 30000, maximumAge: 0 });
});
