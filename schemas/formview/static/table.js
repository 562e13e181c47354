// A table whose rows lead somewhere is walked with the arrow keys: each row's first
// link has the focus in turn, and Enter opens it as it opens any link.

for (const body of document.querySelectorAll("tbody[data-rows]")) {
  const region = body.closest(".scrolls") || body;
  region.addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || e.target.closest("button, select, input, form")) return;
    const links = [...body.querySelectorAll("tr > th a, tr > td:first-child a")];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: Math.max(at - 1, 0), Home: 0, End: links.length - 1 }[e.key];
    if (to === undefined || !links[to]) return;
    e.preventDefault();
    links[to].focus();
  });
}
