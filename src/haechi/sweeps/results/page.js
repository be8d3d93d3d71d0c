"use strict";
const LANGUAGE = "haechi-language"; // the same on all pages of haechi's

function preferred() {
  try {
    const chosen = localStorage.getItem(LANGUAGE);
    if (chosen === "ko" || chosen === "en") return chosen;
  } catch { /* a browser without storage */ }
  return /^ko\b/i.test(navigator.language) ? "ko" : "en";
}

function speak(language) {
  document.documentElement.lang = language;
  document.title = document.querySelector("h1").innerText;
}

speak(preferred());
document.getElementById("language").addEventListener("click", () => {
  const language = document.documentElement.lang === "ko" ? "en" : "ko";
  try { localStorage.setItem(LANGUAGE, language); } catch { /* a browser without storage */ }
  speak(language);
});
