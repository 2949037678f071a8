"use strict";
// Filters and sorts the verdict table. Without this script the page shows everything, in the order of urgency.
(() => {
  const filters = document.querySelector(".filters");
  const body = document.querySelector("table.verdicts tbody");
  const rows = Array.from(body.rows);
  const search = document.getElementById("search");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const chosen = { verdict: "", role: "" };
  filters.hidden = false;

  const words = () => search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row, verdict, role, wanted) =>
    (!verdict || row.dataset.verdict === verdict) &&
    (!role || row.dataset.role === role) &&
    wanted.every((word) => texts.get(row).includes(word));

  function show() {
    const wanted = words();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !fits(row, chosen.verdict, chosen.role, wanted);
      shown += row.hidden ? 0 : 1;
    }
    // Each button's count is what pressing it would show.
    for (const button of filters.querySelectorAll("button")) {
      const kind = "verdict" in button.dataset ? "verdict" : "role";
      const would = { ...chosen, [kind]: button.dataset[kind] };
      const count = rows.filter((row) => fits(row, would.verdict, would.role, wanted)).length;
      button.querySelector(".count").textContent = String(count);
      button.setAttribute("aria-pressed", String(chosen[kind] === button.dataset[kind]));
      button.classList.toggle("none", count === 0);
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} shown`;
    document.getElementById("nothing").hidden = shown > 0;
  }

  filters.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const kind = "verdict" in button.dataset ? "verdict" : "role";
    // A second press takes the filter back.
    chosen[kind] = chosen[kind] === button.dataset[kind] ? "" : button.dataset[kind];
    show();
  });
  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      search.value = "";
      show();
    }
  });

  const collator = new Intl.Collator("en", { numeric: true });
  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const heading = button.closest("th");
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const column = Number(button.dataset.sort);
      const value = (row) => row.cells[column].dataset.order ?? row.cells[column].textContent.trim();
      rows.sort((a, b) => (up ? 1 : -1) * collator.compare(value(a), value(b)));
      body.append(...rows);
    });
  }
  show();
})();
