"use strict";
(() => {
  const root = document.documentElement;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const number = (text) => { const n = parseFloat(text.replace("*", "")); return Number.isNaN(n) ? null : n; };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0], heads = table.querySelectorAll("thead th");
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows], text = (row) => row.cells[column].textContent.trim();
      rows.sort((a, b) => {
        const [x, y] = [text(a), text(b)], [m, n] = [number(x), number(y)];
        if (m !== null && n !== null) return up ? m - n : n - m;
        if (m !== null || n !== null) return m !== null ? -1 : 1;
        return up ? x.localeCompare(y) : y.localeCompare(x);
      });
      body.append(...rows);
    }));
  }
  for (const filter of document.querySelectorAll("input[data-filters]")) filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of document.getElementById(filter.dataset.filters).tBodies[0].rows)
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
})();
