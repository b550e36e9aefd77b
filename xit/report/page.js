"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const selects = [...document.querySelectorAll("select")];
const [first, second] = [...document.getElementById("encoder").options].map((option) => option.value);
const mean = "mean";

// The choice that the address names; what it leaves out, or what there is not, is as it was when the page was made.
function chosen() {
  const asked = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  const choice = Object.fromEntries(selects.map((select) => {
    const options = [...select.options];
    const option = options.find(({ value }) => value === asked.get(select.name));
    return [select.name, (option ?? options.find(({ defaultSelected }) => defaultSelected)).value];
  }));
  return { ...choice, other: choice.encoder === first ? second : choice.encoder };
}

const address = (choice) => `#${new URLSearchParams(selects.map(({ name }) => [name, choice[name]]))}`;
const go = (change) => { location.hash = address({ ...chosen(), ...change }); };
const key = (kind, place, choice) => [kind, ...place.dataset.key.split(" ").map((name) => choice[name])].join("|");
const word = (name) => document.getElementById(name).selectedOptions[0].text;
const say = (id, text) => { document.getElementById(id).textContent = text; };

function show() {
  const choice = chosen();
  for (const select of selects) select.value = choice[select.name];
  for (const place of document.querySelectorAll("[data-template]")) {
    put(place, key(place.dataset.template, place, choice));
  }
  for (const link of document.querySelectorAll("main a")) {
    link.href = address({ ...choice, ...link.dataset });
    link.setAttribute("aria-current", Object.entries(link.dataset).every(([name, value]) => choice[name] === value));
  }
  say("gains-title", `Gain of the ${choice.encoder} encoder`);
  say("difference-title", `Does the gain differ? ${first} minus ${choice.other}`);
  say("languages-title", `${choice.encoder} after ${choice.condition}, in each language`);
  say("examples-title", choice.target === mean ? "Predictions" : `Predictions: ${choice.target} in ${word("language")}`);
  const hasExamples = document.querySelector("[data-template=examples]").hasChildNodes();
  say("examples-note", choice.target === mean ? "Choose a target to see some." : hasExamples
    ? "Of the first seed; those come first whose answer changed. ✓ equals a gold answer."
    : document.getElementById("examples-note").dataset.absent);
  say("status", [...document.querySelectorAll("[data-template=cell] :is(h2, strong)")].map((e) => e.textContent).join(": "));
  document.getElementById("difference").hidden = second === undefined;
  for (const place of document.querySelectorAll(".plot")) draw(place, key(place.dataset.figure, place, choice), choice);
}

// Put the content of a template in its place, unless it is there; the focus stays inside.
function put(place, id) {
  if (place.dataset.shown === id) return;
  const hadFocus = place.contains(document.activeElement);
  const isOpen = place.querySelector("details")?.open;
  const template = document.getElementById(id);
  place.replaceChildren(...(template ? [template.content.cloneNode(true)] : []));
  place.dataset.shown = id;
  if (isOpen) place.querySelector("details")?.setAttribute("open", "");
  if (hadFocus) place.focus();
}

function draw(place, id, choice) {
  const figure = figures[id];
  place.closest("figure").hidden = !figure;
  if (!figure) return;
  const isMap = figure.data[0].type === "heatmap";
  const [rows, columns] = isMap ? [figure.data[0].y, figure.data[0].x] : [[], []];
  const names = Math.max(64, ...rows.map((name) => 8 * name.length)); // pixels, about
  place.style.minWidth = `${names + 34 * columns.length}px`;
  const room = (place.clientWidth - names - 8) / columns.length; // pixels of a column
  const tight = ({ meta, textfont }) => ({ text: meta, textfont: { ...textfont, size: room < 48 ? 10 : 12 } });
  const isTight = isMap && room < 70;
  const data = figure.data.map((trace) => ({ ...trace, ...(isTight ? tight(trace) : {}) }));
  const least = Math.min(234, figure.layout.height); // of which a label has need
  const height = isTight ? Math.max(least, 34 + 26 * rows.length) : figure.layout.height;
  const size = { width: place.clientWidth, height };
  const layout = { ...figure.layout, ...size, shapes: marks(place.dataset.figure, figure, choice) };
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${place.closest("section").querySelector("h2").textContent}; as a table beside it`);
  const isNew = !place.on;
  Plotly.react(place, data, layout, { displayModeBar: false });
  if (isNew) place.on("plotly_click", ({ points: [{ x, y }] }) => go(changeOf(place.dataset.figure, x, y)));
}

function changeOf(kind, x, y) {
  if (kind === "languages") return { language: y, target: x };
  if (kind === "scores") return chosen().target === mean ? { target: y } : { language: y };
  return { condition: y, target: x };
}

// A frame around the chosen cell, or a shade behind the chosen row.
function marks(kind, figure, choice) {
  const at = (names, name) => names.indexOf(name);
  if (kind === "scores") {
    const row = at(figure.layout.yaxis.tickvals, choice.language);
    const band = { type: "rect", xref: "paper", x0: 0, x1: 1, y0: row - 0.5, y1: row + 0.5 };
    return row < 0 ? [] : [{ ...band, fillcolor: "#fff3c4", line: { width: 0 }, layer: "below" }];
  }
  const { x, y } = figure.data[0];
  const column = at(x, choice.target);
  const row = at(y, kind === "languages" ? choice.language : choice.condition);
  const span = column < 0 ? [-0.5, x.length - 0.5] : [column - 0.5, column + 0.5];
  const frame = { type: "rect", x0: span[0], x1: span[1], y0: row - 0.5, y1: row + 0.5 };
  return row < 0 ? [] : [{ ...frame, line: { color: "#1a1a1a", width: 3 } }];
}

for (const select of selects) select.addEventListener("change", () => go({ [select.name]: select.value }));
document.getElementById("to-cell").addEventListener("click", () => document.querySelector("[data-template=cell]").focus());
addEventListener("hashchange", show);
addEventListener("resize", show);
show();
