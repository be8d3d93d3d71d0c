// Texts of documents reach the page as data and are shown with textContent alone: nothing in them is ever read as HTML.
"use strict";
const root = document.documentElement;
const data = JSON.parse(document.getElementById("page-data").textContent);
const make = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const both = ([en, ko]) => en === ko ? [en] : [make("span", { class: "en", lang: "en" }, en), make("span", { class: "ko", lang: "ko" }, ko)];
const say = (name) => both(data.words[name] || [name, name]);
const korean = () => root.dataset.lang === "ko";

// language and light
function keep(key, value) { try { localStorage.setItem("haechi-" + key, value); } catch { /* a page opened from a file may have no memory */ } }
function speak(lang) {
  root.dataset.lang = lang; root.lang = lang;
  for (const field of document.querySelectorAll("[data-en]")) {
    if (field.dataset.put === "text") field.textContent = field.dataset[lang]; else field.setAttribute(field.dataset.put, field.dataset[lang]);
  }
}
document.getElementById("language").addEventListener("click", () => { speak(korean() ? "en" : "ko"); keep("language", root.dataset.lang); });
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; keep("theme", root.dataset.theme);
});
speak(root.dataset.lang);

// a text in pieces, every second one marked
const pieces = (texts) => texts.map((text, place) => place % 2 ? make("mark", {}, text) : text);

function passage(article, gold) {
  const box = make("div", { class: gold ? "passage gold" : "passage" });
  if (article.law) box.append(make("small", {}, article.law));
  const name = make("b", {}, article.name);
  if (gold) name.append(" ", make("span", { class: "tag" }, "✓ ", ...say("right")));
  box.append(name, ...pieces(article.text));
  return box;
}
function example(one, place) {
  const card = make("details", { class: "example" });
  card.open = place === 0;
  card.append(make("summary", {}, ...pieces(one.query)));
  const line = make("p", { class: "soft" });
  one.sides.forEach((side, place) => {
    if (place) line.append(" · ");
    line.append(...say(side.system), ": ", ...(side.rank ? [...say("rank"), " " + side.rank] : say("not found")));
  });
  if (one.why.length) { line.append(" — "); one.why.forEach((why, place) => line.append(...(place ? [", "] : []), ...say(why))); }
  const gold = make("details", {}, make("summary", {}, ...say("right answers")));
  gold.append(...one.gold.map((article) => passage(article, true)));
  const sides = make("div", { class: "sides" });
  for (const side of one.sides) {
    const column = make("div", {}, make("h5", {}, ...say("first of"), " ", ...say(side.system)));
    column.append(...side.top.map((article) => passage(article, article.gold)));
    sides.append(column);
  }
  card.append(line, gold, sides);
  return card;
}
for (const [kind, found] of Object.entries(data.examples)) {
  document.getElementById("examples-" + kind)?.append(...found.map((one, place) => example(one, place)));
}

// the table of all queries
const cell = (text, attributes = {}) => make("td", attributes, text);
const body = document.querySelector("#queries tbody");
if (body) {
  for (const line of data.lines) {
    const row = make("tr", {}, make("td", { class: "text" }, line.query, make("br"), make("small", { class: "soft" }, line.law)), make("td", { class: "text", "data-value": line.suite }, ...say(line.suite)));
    for (const system of data.systems) row.append(cell(line.ranks[system] ? String(line.ranks[system]) : "–", { "data-value": line.ranks[system] || 1e9 }));
    row.append(cell((line.gain > 0 ? "+" : "") + line.gain.toFixed(3), { "data-value": line.gain, class: "number " + (line.gain > 0 ? "gain" : line.gain < 0 ? "loss" : "") }));
    body.append(row);
  }
}

// tables sort by any column and show only rows that hold the words asked for; long ones show their first rows
for (const table of document.querySelectorAll("table.sorts")) {
  const rows = [...table.tBodies[0].rows];
  const tools = table.parentElement.previousElementSibling;
  const search = tools?.classList.contains("tools") ? tools.querySelector("input") : null;
  const choice = tools?.classList.contains("tools") ? tools.querySelector("select") : null;
  const step = Number(table.dataset.rows || 1e9);
  let shown = step;
  const more = make("button", { class: "more", type: "button" }, ...say("more"));
  const none = make("p", { class: "soft", role: "status", hidden: "" }, ...say("nothing found"));
  table.parentElement.after(none, more);
  more.addEventListener("click", () => { shown += 10 * step; show(); });
  function fits(row) {
    const words = (search?.value || "").toLowerCase().split(/\s+/).filter(Boolean);
    const text = row.textContent.toLowerCase();
    const gain = Number(row.cells[row.cells.length - 1].dataset.value);
    const wanted = choice?.value || "all";
    return words.every((word) => text.includes(word)) &&
      (wanted === "all" || (wanted === "won" && gain > 0) || (wanted === "lost" && gain < 0) || (wanted === "same" && gain === 0));
  }
  function show() {
    let count = 0;
    for (const row of table.tBodies[0].rows) { const fit = fits(row); count += fit; row.hidden = !fit || count > shown; }
    more.hidden = count <= shown; none.hidden = count > 0;
  }
  search?.addEventListener("input", () => { shown = step; show(); });
  choice?.addEventListener("change", () => { shown = step; show(); });
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      rows.sort((one, two) => {
        const [a, b] = [value(one), value(two)], [x, y] = [Number(a), Number(b)];
        const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "ko") : x - y;
        return up ? order : -order;
      });
      table.tBodies[0].append(...rows);
      show();
    });
  });
  show();
}

// paper shows everything
let folded = [];
addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; for (const one of folded) one.open = true; });
addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
// a link into a folded section opens it
function unfold() { const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); if (target?.tagName === "DETAILS") target.open = true; }
addEventListener("hashchange", unfold); unfold();
