"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const lines = (id) => { const text = byId(id).textContent; return text === "" ? [] : text.split("\n"); };
  const folders = lines("folders"), kinds = lines("kinds");
  const rows = lines("files").map((line) => {
    const [folder, name, size, kind, lost, record] = line.split("\t");
    const [verdict, state, reasons] = kinds[kind].split("\t");
    const path = folders[folder] + name;
    return { path, key: path.toLowerCase(), size: size === "" ? -1 : Number(size), verdict, state, reasons, lost: Number(lost), record };
  });
  const wanted = new URLSearchParams(location.hash.slice(1));
  const filter = byId("filter"), verdict = byId("verdict"), state = byId("state"), body = byId("rows"), count = byId("count");
  const back = byId("back"), on = byId("on"), PAGE = 100;
  let shown = rows, sort = "path", down = false, page = 0;
  const value = { path: (row) => row.key, size: (row) => row.size, lost: (row) => row.lost, verdict: (row) => row.verdict, state: (row) => row.state };
  const numbers = new Intl.NumberFormat("en");

  const draw = () => {
    const first = page * PAGE, part = shown.slice(first, first + PAGE);
    const cells = (row) => [["path", "", row.path], ["n", "bytes", row.size < 0 ? "" : numbers.format(row.size)],
      ["", "verdict", row.verdict], ["", "state", row.state], ["n", "bytes lost", row.lost ? numbers.format(row.lost) : ""],
      ["d", "reasons", row.reasons], ["n", "record", row.record]];
    body.replaceChildren(...part.map((row) => {
      const line = document.createElement("tr");
      line.append(...cells(row).map(([kind, label, text]) => {
        const cell = document.createElement("td");
        if (kind) cell.className = kind;
        if (label && text) cell.dataset.l = label;
        cell.textContent = text;
        return cell;
      }));
      return line;
    }));
    const last = first + part.length;
    count.textContent = shown.length === 0 ? "No file fits." :
      `${numbers.format(first + 1)} to ${numbers.format(last)} of ${numbers.format(shown.length)} (${numbers.format(rows.length)} in all)`;
    back.disabled = page === 0;
    on.disabled = last >= shown.length;
  };
  const choose = () => {
    const text = filter.value.toLowerCase(), one = verdict.value, other = state.value;
    shown = rows.filter((row) => (one === "" || row.verdict === one) && (other === "" || row.state === other) && (text === "" || row.key.includes(text)));
    const of = value[sort], sign = down ? -1 : 1;
    shown.sort((left, right) => { const a = of(left), b = of(right); return a < b ? -sign : a > b ? sign : 0; });
    page = 0;
    for (const head of document.querySelectorAll("#all th[data-sort]")) {
      head.setAttribute("aria-sort", head.dataset.sort !== sort ? "none" : down ? "descending" : "ascending");
    }
    draw();
  };
  let timer = 0;
  filter.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(choose, 150); });
  verdict.addEventListener("change", choose);
  state.addEventListener("change", choose);
  back.addEventListener("click", () => { page -= 1; draw(); });
  on.addEventListener("click", () => { page += 1; draw(); });
  for (const head of document.querySelectorAll("#all th[data-sort]")) {
    head.querySelector("button").addEventListener("click", () => {
      down = sort === head.dataset.sort ? !down : false;
      sort = head.dataset.sort;
      choose();
    });
  }
  const has = (select, text) => [...select.options].some((option) => option.value === text);
  filter.value = wanted.get("filter") || "";
  for (const [select, name] of [[verdict, "verdict"], [state, "state"]]) {
    if (has(select, wanted.get(name) || "")) select.value = wanted.get(name) || "";
  }
  if (Object.hasOwn(value, wanted.get("sort") || "")) sort = wanted.get("sort");
  down = wanted.get("order") === "down";
  byId("all-files").hidden = false;
  choose();
})();
