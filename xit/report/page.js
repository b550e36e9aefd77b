"use strict";
const mean = "mean";
const radios = [...document.querySelectorAll("[name=experiment]")];
const unpacked = new Map(); // fragments of HTML by key, by experiment
let back; // the link of a map from which the reader went to the cell
const $ = (id) => document.getElementById(id);
const selects = () => [...document.querySelectorAll("select")];
const say = (id, text) => { $(id).textContent = text; };

async function fragmentsOf(experiment) {
  if (!unpacked.has(experiment)) {
    const packed = document.querySelector(`[data-experiment="${CSS.escape(experiment)}"]`).textContent;
    const bytes = Uint8Array.from(atob(packed), (character) => character.codePointAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked.set(experiment, await new Response(stream).json());
  }
  return unpacked.get(experiment);
}

// What the address asks for; what it leaves out, or what there is not, is as it was when the page was made.
const asked = () => new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
const experiment = () => (radios.find(({ value }) => value === asked().get("experiment"))
  ?? radios.find(({ defaultChecked }) => defaultChecked)).value;

function chosen() {
  const choice = Object.fromEntries(selects().map((select) => {
    const options = [...select.options];
    const option = options.find(({ value }) => value === asked().get(select.name));
    return [select.name, (option ?? options.find(({ defaultSelected }) => defaultSelected)).value];
  }));
  const [first, second] = [...$("encoder").options].map(({ value }) => value);
  return { experiment: experiment(), ...choice, first, other: choice.encoder === first ? second : choice.encoder };
}

function address(choice) {
  const names = ["experiment", ...selects().map(({ name }) => name)];
  return `#${new URLSearchParams(names.map((name) => [name, choice[name]]))}`.replaceAll("%2F", "/");
}

// Another experiment may lack what was chosen, which is there again when one comes back.
function go({ name, value }) {
  const choice = name === "experiment" ? { ...chosen(), ...Object.fromEntries(asked()) } : chosen();
  location.hash = address({ ...choice, [name]: value });
}

async function show() {
  const name = experiment();
  const fragments = await fragmentsOf(name);
  if (name !== experiment()) return; // another was chosen meanwhile
  for (const radio of radios) radio.checked = radio.value === name;
  put($("choices"), "choices", fragments);
  const choice = chosen();
  for (const select of selects()) select.value = choice[select.name];
  document.querySelector("main").className = fragments.width;
  for (const place of document.querySelectorAll("[data-fragment]")) {
    const parts = place.dataset.key.split(" ").filter(Boolean).map((part) => choice[part]);
    put(place, [place.dataset.fragment, ...parts].join("|"), fragments);
  }
  for (const link of document.querySelectorAll("main a")) {
    link.href = address({ ...choice, ...link.dataset });
    link.setAttribute("aria-current", Object.entries(link.dataset).every(([key, value]) => choice[key] === value));
  }
  for (const grid of document.querySelectorAll("[role=grid]")) enter(grid, grid.querySelector("[aria-current=true]"));
  say("gains-title", `Gain of the ${choice.encoder} encoder`);
  say("difference-title", `Does the gain differ? ${choice.first} minus ${choice.other}`);
  say("languages-title", `${choice.encoder} after ${choice.condition}, in each language`);
  const language = $("language").selectedOptions[0].text;
  say("examples-title", choice.target === mean ? "Predictions" : `Predictions: ${choice.target} in ${language}`);
  const hasExamples = document.querySelector("[data-fragment=examples]").hasChildNodes();
  say("examples-note", hasExamples ? "Of the first seed; those come first whose answer changed. ✓ equals a gold answer."
    : choice.target === mean && name === "run" ? "Choose a target to see some." : fragments.absent);
  const told = document.querySelectorAll("[data-fragment=cell] :is(h2, strong)");
  say("status", [...told].map((element) => element.textContent).join(": "));
  $("difference").hidden = choice.other === undefined;
  performance.mark("shown");
}

// Put a fragment in its place, unless it is there; the focus stays inside.
function put(place, key, fragments) {
  const id = `${experiment()}|${key}`;
  if (place.dataset.shown === id) return;
  const focused = place.contains(document.activeElement) && document.activeElement;
  const isOpen = place.querySelector("details")?.open;
  place.innerHTML = fragments[key] ?? "";
  place.dataset.shown = id;
  if (isOpen) place.querySelector("details")?.setAttribute("open", "");
  if (focused) (place.hasAttribute("tabindex") ? place : place.querySelector("[role=grid] a"))?.focus();
}

// A grid is one stop of the Tab key; arrow keys, Home and End move in it (ARIA Authoring Practices, data grids).
function enter(grid, link) {
  const links = [...grid.querySelectorAll("a")];
  for (const one of links) one.tabIndex = one === (link ?? links[0]) ? 0 : -1;
}

function moved(link, { key, ctrlKey }) {
  const rows = [...link.closest("tbody").rows].map((row) => [...row.cells].slice(1).map((cell) => cell.querySelector("a")));
  const row = rows.find((cells) => cells.includes(link));
  const column = row.indexOf(link);
  const line = key === "ArrowUp" || key === "ArrowDown" ? rows.map((cells) => cells[column]) : ctrlKey ? rows.flat() : row;
  const place = line.indexOf(link);
  const present = (links) => links.find(Boolean);
  switch (key) {
    case "ArrowDown": case "ArrowRight": return present(line.slice(place + 1));
    case "ArrowUp": case "ArrowLeft": return present(line.slice(0, place).reverse());
    case "Home": return present(line);
    case "End": return present([...line].reverse());
  }
}

function toCell(link) {
  back = link;
  document.querySelector("[data-fragment=cell]").focus();
}

document.addEventListener("keydown", (event) => {
  const link = event.target.closest("[role=grid] a");
  if (event.key === "Escape" && event.target.closest("#detail")) {
    const grid = document.querySelector("[role=grid]");
    (back?.isConnected ? back : grid.querySelector("[tabindex='0']"))?.focus();
  } else if (link && /^(Arrow|Home$|End$)/.test(event.key) && !event.altKey && !event.metaKey) {
    event.preventDefault();
    const next = moved(link, event);
    if (next) enter(link.closest("[role=grid]"), next);
    next?.focus();
  }
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("[role=grid] a");
  if (link?.getAttribute("aria-current") === "true") toCell(link);
});
document.addEventListener("change", ({ target }) => go(target));
$("to-cell").addEventListener("click", () => toCell());
addEventListener("hashchange", show);
show();
