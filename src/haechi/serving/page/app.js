// The search page. Whatever comes from documents or queries is put in as text, never as markup.
"use strict";

const TEXT = {
  ko: {
    title: "검색", question: "질문", search: "검색", law: "법령", type: "종류", results: "결과 수", every: "전체",
    placeholder: "질문이나 검색어를 입력하세요", intro: "같은 질문을 학습한 모델, BM25, 둘을 결합한 하이브리드로 검색해 나란히 보여 줍니다.",
    other: "English", more: "더 보기", less: "접기",
    corpus: (n) => `청크 ${n.toLocaleString("ko")}개`,
    types: { law: "법령", admin: "행정규칙", prec: "판례", doc: "문서" },
    systems: { tuned: "학습한 모델", bm25: "BM25", hybrid: "하이브리드" },
    signals: { reranker: "재순위 모델", base: "기본 모델", seen: "학습에 나온 조문", cited: "인용 횟수", title: "제목", law: "법령명" },
    carried: "점수에 기여한 신호",
    about: {
      tuned: () => "의미가 가까운 순 (코사인 유사도)",
      bm25: () => "같은 단어가 많은 순 (형태소)",
      hybrid: (names) => `${names} 결합 (가중치는 검증 데이터로 학습)`,
    },
    rank: (system, n) => `${system} ${n}위`,
    same: (names) => `내용이 같은 청크: ${names}`,
    page: (number) => `${number}쪽`,
    searching: "검색 중…",
    done: (n, ms) => n ? `${ms}ms 만에 검색했습니다.` : "검색 결과가 없습니다. 검색어를 바꾸거나 필터를 해제해 보세요.",
    none: "검색 결과가 없습니다.",
    doubtful: "가장 가까운 청크의 점수가 기준보다 낮습니다. 답이 없을 수 있습니다.",
    halves: "이 모델의 하이브리드 가중치가 아직 정해지지 않아 반반으로 결합합니다. `dvc repro evaluate`를 실행하면 정해집니다.",
    lacking: "하이브리드의 일부 신호를 쓸 수 없어 나머지로 검색합니다.",
    errors: {
      empty: "질문을 입력하세요.",
      too_long: (n) => `질문이 너무 깁니다${n ? ` (${n.toLocaleString("ko")}자)` : ""}. 2,000자까지 검색할 수 있습니다.`,
      too_fast: "요청이 너무 잦습니다. 잠시 후 다시 시도하세요.",
      busy: "동시에 들어온 검색이 많습니다. 잠시 후 다시 시도하세요.",
      bad_filter: "해당하는 법령이나 종류가 없습니다.",
      unknown: () => "이 검색은 처리할 수 없습니다. 페이지를 새로 고친 뒤 다시 시도하세요.",
      unreachable: "서버가 응답하지 않습니다. `haechi serve`가 실행 중인지 확인하세요.",
    },
  },
  en: {
    title: "search", question: "Question", search: "Search", law: "Law", type: "Type", results: "Results", every: "all",
    placeholder: "A question or some words, in Korean like the documents", intro: "Asks the tuned model, BM25, and a hybrid of both, and shows their answers side by side.",
    other: "한국어", more: "more", less: "less",
    corpus: (n) => `${n.toLocaleString("en")} passages`,
    types: { law: "law", admin: "administrative rule", prec: "decision", doc: "document" },
    systems: { tuned: "Tuned model", bm25: "BM25", hybrid: "Hybrid" },
    signals: { reranker: "reranker", base: "untuned base", seen: "cited in training", cited: "times cited", title: "title", law: "law's name" },
    carried: "What gave to the score",
    about: {
      tuned: () => "nearest in meaning (cosine)",
      bm25: () => "most words in common (morphemes)",
      hybrid: (names) => `${names}, weighed as fitted on validation`,
    },
    rank: (system, n) => `${system} #${n}`,
    same: (names) => `The same text: ${names}`,
    page: (number) => `p. ${number}`,
    searching: "searching…",
    done: (n, ms) => n ? `Found in ${ms} ms.` : "Nothing found. Try other words, or take a filter off.",
    none: "Nothing found.",
    doubtful: "The nearest passage scores below the threshold: there may be no answer here.",
    halves: "The hybrid's weights were not fitted for this model yet, so both count half. `dvc repro evaluate` fits them.",
    lacking: "Some signals of the hybrid are missing; it searches with the rest.",
    errors: {
      empty: "Type a question.",
      too_long: (n) => `The question is too long${n ? ` (${n.toLocaleString("en")} characters)` : ""}. 2,000 are read at most.`,
      too_fast: "Too many searches a second. Try again in a moment.",
      busy: "Too many searches at once. Try again in a moment.",
      bad_filter: "There is no such law or type.",
      unknown: (message) => message ?? "This search can't be answered. Reload the page and try again.",
      unreachable: "No answer from the server. Is `haechi serve` running?",
    },
  },
};
const SYSTEMS = ["tuned", "bm25", "hybrid"];
const LONGEST = 2000;

const LANGUAGE = "haechi-language";

// What was chosen on any page of haechi's, else the browser's language.
function preferred() {
  try {
    const chosen = localStorage.getItem(LANGUAGE);
    if (chosen in TEXT) return chosen;
  } catch { /* a browser without storage */ }
  return /^ko\b/i.test(navigator.language) ? "ko" : "en";
}

const at = (id) => document.getElementById(id);
const named = (signal) => text().systems[signal] ?? text().signals[signal] ?? signal;
const state = { language: preferred(), health: null, filters: null, answer: null, milliseconds: 0, shown: "tuned", request: null };
const text = () => TEXT[state.language];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A passage with the query's words marked; short words are left alone, they are everywhere.
function marked(passage, words) {
  const wanted = words.filter((word) => word.length > 1).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!wanted.length) return [passage];
  wanted.sort((a, b) => b.length - a.length);
  return passage.split(new RegExp(`(${wanted.join("|")})`, "giu")).map((part, place) =>
    place % 2 ? element("mark", { textContent: part }) : part);
}

function card(hit, system, words) {
  const elsewhere = SYSTEMS.filter((other) => other !== system && hit.ranks[other]).map((other) =>
    element("span", { className: `chip ${other}`, textContent: text().rank(text().systems[other], hit.ranks[other]) }));
  const body = element("p", { className: "text" }, ...marked(hit.text, words));
  const more = element("button", { type: "button", className: "more", textContent: text().more, hidden: true });
  more.setAttribute("aria-expanded", "false");
  more.addEventListener("click", () => {
    const open = body.classList.toggle("open");
    more.textContent = open ? text().less : text().more;
    more.setAttribute("aria-expanded", String(open));
  });
  const twins = hit.same.length ? [element("p", { className: "twins", textContent: text().same(hit.same.join(", ")) })] : [];
  const page = hit.page ? [element("span", { className: "chip", textContent: text().page(hit.page) })] : [];
  const carried = Object.entries(hit.signals).filter(([, value]) => Math.abs(value) >= 0.05).map(([signal, value]) =>
    element("span", { className: `chip signal ${signal}`, title: text().carried, textContent: `${named(signal)} ${value > 0 ? "+" : ""}${value.toFixed(1)}` }));
  const made = element("li", { className: "hit", title: hit.id },
    element("div", { className: "head" },
      element("span", { className: "rank", textContent: hit.rank }),
      element("h3", { textContent: hit.name }),
      element("span", { className: "score", textContent: hit.score.toFixed(3) })),
    body, more, ...twins,
    element("div", { className: "chips" },
      element("span", { className: "chip", textContent: text().types[hit.type] ?? hit.type }), ...page, ...elsewhere, ...carried));
  made.dataset.key = hit.key;
  made.addEventListener("pointerenter", () => same(hit.key, true));
  made.addEventListener("pointerleave", () => same(hit.key, false));
  return made;
}

// The same article in the other lists.
function same(key, on) {
  for (const hit of document.querySelectorAll(".hit")) hit.classList.toggle("same", on && hit.dataset.key === key);
}

function show() {
  const { answer } = state;
  at("lists").hidden = at("tabs").hidden = !answer || !SYSTEMS.some((system) => answer.lists[system].length);
  if (!answer) {
    at("status").textContent = text().intro;
    return;
  }
  at("lists").replaceChildren(...SYSTEMS.map((system) => {
    const hits = answer.lists[system].map((hit) => card(hit, system, answer.words));
    const column = element("section", { className: "list" },
      element("h2", { className: system, textContent: text().systems[system] }),
      element("p", { className: "about", textContent: text().about[system]((state.health?.systems ?? ["tuned", "bm25"]).map(named).join(" + ")) }),
      hits.length ? element("ol", {}, ...hits) : element("p", { className: "none", textContent: text().none }));
    column.dataset.system = system;
    return column;
  }));
  at("tabs").replaceChildren(...SYSTEMS.map((system) => {
    const tab = element("button", { type: "button", textContent: text().systems[system] });
    tab.addEventListener("click", () => choose(system));
    tab.dataset.system = system;
    return tab;
  }));
  choose(state.shown);
  at("status").textContent = text().done(SYSTEMS.reduce((n, system) => n + answer.lists[system].length, 0), state.milliseconds);
  note(answer.doubtful ? text().doubtful : state.health?.note ? text()[state.health.form === "constant" ? "halves" : "lacking"] : "");
}

// On a phone one list is seen at a time.
function choose(system) {
  state.shown = system;
  for (const part of document.querySelectorAll("[data-system]")) part.classList.toggle("chosen", part.dataset.system === system);
  for (const tab of at("tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.system === system));
  fit();
}

// "More" stands only where something is cut.
function fit() {
  for (const body of document.querySelectorAll(".text:not(.open)")) body.nextElementSibling.hidden = body.scrollHeight <= body.clientHeight + 1;
}

function note(message) {
  at("note").textContent = message;
  at("note").hidden = !message;
}

function fail(error) {
  state.answer = null;
  show();
  at("status").textContent = "";
  const { [error.error]: known, unknown } = text().errors;
  note(typeof known === "function" ? known(at("query").value.trim().length) : known ?? unknown(error.message));
}

const busy = (on) => document.querySelector("main").setAttribute("aria-busy", String(on));

async function search() {
  const query = at("query").value.trim();
  state.request?.abort();
  if (!query) return fail({ error: "empty" });
  if ([...query].length > LONGEST) return fail({ error: "too_long" });
  const asked = { q: query, k: Number(at("k").value), law: at("law").value ? [at("law").value] : [], type: at("type").value ? [at("type").value] : [] };
  const request = (state.request = new AbortController());
  at("status").textContent = text().searching;
  busy(true);
  const begun = performance.now();
  try {
    const reply = await fetch("/api/search", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked), signal: request.signal,
    });
    const found = await reply.json();
    if (!reply.ok) return fail(found);
    state.answer = found;
    state.milliseconds = Math.round(performance.now() - begun);
    show();
  } catch (error) {
    if (!request.signal.aborted) fail({ error: "unreachable" });
  } finally {
    if (state.request === request) busy(false);
  }
}

function remember() {
  const address = new URLSearchParams();
  for (const name of ["q", "type", "law", "k"]) {
    const { value } = at("form").elements[name];
    if (value && !(name === "k" && value === "10")) address.set(name, value);
  }
  history.replaceState(null, "", address.size ? `?${address}` : "/");
}

function options(select, pairs) {
  const before = select.value;
  select.replaceChildren(element("option", { value: "", textContent: text().every }),
    ...pairs.map(([value, label, count]) => element("option", { value, textContent: `${label} (${count})` })));
  select.value = pairs.some(([value]) => value === before) ? before : "";
}

function speak() {
  const t = text();
  document.documentElement.lang = state.language;
  document.title = `haechi ${t.title}`;
  for (const part of document.querySelectorAll("[data-text]")) part.textContent = t[part.dataset.text];
  at("query").placeholder = t.placeholder;
  at("language").textContent = t.other;
  if (state.health) at("corpus").textContent = t.corpus(state.health.passages);
  if (state.filters) {
    options(at("type"), Object.entries(state.filters.types).map(([type, count]) => [type, t.types[type] ?? type, count]));
    options(at("law"), Object.entries(state.filters.laws).map(([law, count]) => [law, law, count]));
    at("law").closest("label").hidden = !Object.keys(state.filters.laws).length;
  }
  show();
}

function grow() {
  at("query").style.height = "auto";
  at("query").style.height = `${Math.min(at("query").scrollHeight + 2, 160)}px`;
}

async function begin() {
  speak();
  at("language").addEventListener("click", () => {
    state.language = state.language === "ko" ? "en" : "ko";
    try { localStorage.setItem(LANGUAGE, state.language); } catch { /* a browser without storage */ }
    note("");
    speak();
  });
  at("form").addEventListener("submit", (event) => { event.preventDefault(); remember(); search(); });
  for (const id of ["law", "type", "k"]) at(id).addEventListener("change", () => { remember(); if (at("query").value.trim()) search(); });
  at("query").addEventListener("input", grow);
  at("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); at("form").requestSubmit(); }
  });
  window.addEventListener("resize", () => { grow(); fit(); });
  try {
    [state.health, state.filters] = await Promise.all(["/health", "/api/filters"].map(async (path) => (await fetch(path)).json()));
  } catch {
    return fail({ error: "unreachable" });
  }
  speak();
  const address = new URLSearchParams(location.search);
  for (const name of ["q", "type", "law", "k"]) if (address.has(name)) at("form").elements[name].value = address.get(name);
  grow();
  if (at("query").value.trim()) search();
}

begin();
