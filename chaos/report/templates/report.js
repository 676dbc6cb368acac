// Everything works without this script; it opens a story when its cell is followed, copies commands, switches colours.
"use strict";

function reveal() {
  const story = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (story instanceof HTMLDetailsElement) {
    story.open = true;
    story.scrollIntoView({ block: "start" });
    story.querySelector("summary").focus({ preventScroll: true });
  }
}

addEventListener("hashchange", reveal);
// the same cell followed twice changes no hash
document.querySelectorAll(".matrix a.cell").forEach((link) => link.addEventListener("click", () => setTimeout(reveal)));
reveal();

document.querySelectorAll("button.copy").forEach((button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "Copied";
  });
});

const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
