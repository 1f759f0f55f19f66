"use strict";
const element = (id) => document.getElementById(id);
let models = [];
let key = sessionStorage.getItem("key") || "";

/** An element with text, which is never read as markup. */
function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

async function call(path, body) {
  const headers = { Accept: "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  if (answer.status === 401) {
    element("key-form").hidden = false;
    element("key").focus();
    throw new Error("A key is needed.");
  }
  const text = await answer.text();
  let json = null;
  try { json = JSON.parse(text); } catch { throw new Error(`The server sent status ${answer.status}.`); }
  if (!answer.ok) throw new Error(json.error?.message ?? json.error ?? `The server sent status ${answer.status}.`);
  return json;
}

// What can be chosen

/** The numbers of measured results, with the names that lead to them. */
function numbers(value, name = "") {
  if (typeof value === "number") return [[name, value]];
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, own]) => numbers(own, `${name} ${key.replaceAll("_", " ")}`.trim()));
}

function about(model) {
  const metrics = numbers(model.metrics?.test ?? model.metrics).filter(([name]) => /f1|accuracy|exact|spearman|pearson|loss/.test(name))
    .slice(0, 2).map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ");
  const task = model.task?.replaceAll("_", " ");
  const labels = model.labels.length > 0 ? `${model.labels.length} labels` : "";
  return [model.kind === "base" ? "the base model" : model.kind === "setup" ? model.expression : task ?? model.method,
    labels, metrics].filter(Boolean).join(" · ");
}

function showModels() {
  const wanted = element("filter").value.trim().toLowerCase();
  const chosen = new Set(chosenNames());
  element("models").replaceChildren(...models
    .filter((model) => chosen.has(model.name)
      || [model.name, model.task ?? "", ...model.labels].some((text) => text.toLowerCase().includes(wanted)))
    .map((model) => {
      const item = make("li");
      const label = make("label");
      const box = make("input", null, { type: "checkbox", value: model.name });
      box.checked = chosen.has(model.name);
      label.append(box, make("span", model.name + (model.active ? " ●" : ""), { class: "name", dir: "auto" }),
        make("span", about(model), { class: "about" }));
      if (model.active) label.title = "Part of the active setup";
      item.append(label);
      return item;
    }));
}

const chosenNames = () => [...document.querySelectorAll("#models input:checked")].map((box) => box.value);

async function loadModels() {
  const list = await call("/api/models");
  models = list.models;
  element("base").textContent = models.find((model) => model.kind === "base")?.name ?? "";
  element("setup").placeholder = list.active;
  element("filter").hidden = models.length < 9;
  showModels();
}

// Answers

function bars(scores, best) {
  const list = make("dl", null, { class: "bars" });
  const largest = Math.max(1, ...scores.map(([, score]) => Math.abs(score)));
  for (const [name, score] of scores) {
    const term = make("dt", null, { class: best.has(name) ? "best" : "" });
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("aria-hidden", "true");
    const bar = document.createElementNS(space, "rect");
    bar.setAttribute("width", `${Math.max(0, score) / largest * 100}%`);
    bar.setAttribute("height", "100%");
    picture.append(bar);
    term.append(picture, make("span", name, { dir: "auto" }));
    list.append(term, make("dd", score.toFixed(3)));
  }
  return list;
}

/** A text with marked spans; their places are counted in Unicode scalars. */
function marked(text, spans) {
  const scalars = [...text];
  const line = make("p", null, { class: "marked", dir: "auto" });
  let end = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    if (span.start < end) continue;
    line.append(scalars.slice(end, span.start).join(""));
    const mark = make("mark", scalars.slice(span.start, span.end).join(""));
    mark.append(make("small", span.label ? `${span.label} ${span.score.toFixed(2)}` : span.score.toFixed(2)));
    line.append(mark);
    end = span.end;
  }
  line.append(scalars.slice(end).join(""));
  return line;
}

function shown(answer, row) {
  if ("spans" in answer) {
    const words = row.words ? row.words.join(" ") : row.text;
    return [marked(words, answer.spans.filter((span) => span.label !== "O"))];
  }
  if ("masks" in answer) {
    return answer.masks.flatMap((mask, index) => [make("h4", `[MASK] ${index + 1}`),
      bars(mask.predictions.map((one) => [one.text, one.score]), new Set([mask.predictions[0]?.text]))]);
  }
  if ("answer" in answer) {
    if (answer.answer === "") return [make("p", `No answer in the text (${answer.score.toFixed(2)})`)];
    return [marked(row.contexts?.[answer.context] ?? row.pair ?? row.text, [answer])];
  }
  if ("choice" in answer) {
    const choices = row.choices ?? [answer.text];
    const scores = answer.scores ?? [answer.score];
    return [bars(choices.map((text, index) => [text, scores[index] ?? 0]), new Set([answer.text]))];
  }
  if ("value" in answer) return [make("p", String(answer.value), { class: "value" })];
  const scores = Array.isArray(answer.scores)
    ? answer.labels.map((label, index) => [label, answer.scores[index]])
    : Object.entries(answer.scores ?? { [answer.label]: answer.score });
  scores.sort((a, b) => b[1] - a[1]);
  const best = new Set(answer.label !== undefined ? [answer.label] : Array.isArray(answer.scores)
    ? answer.labels.slice(0, 1) : answer.labels);
  const parts = [bars(scores.slice(0, 8), best)];
  if (scores.length > 8) {
    const more = make("details");
    more.append(make("summary", `${scores.length - 8} more`), bars(scores.slice(8), best));
    parts.push(more);
  }
  return parts;
}

function card(title, row) {
  const article = make("article");
  article.append(make("h3", title, { dir: "auto" }));
  const heads = Object.entries(row.heads);
  for (const [head, answer] of heads) {
    if (heads.length > 1 || head !== title) article.append(make("h4", head, { dir: "auto" }));
    article.append(...shown(answer, row));
  }
  if (row.truncated) article.append(make("p", `${row.truncated} tokens were cut off.`, { class: "hint" }));
  return article;
}

async function ask() {
  const text = element("text").value;
  const input = { text };
  if (element("pair").value) input.pair = element("pair").value;
  const choices = element("choices").value.split("\n").filter((line) => line.trim());
  if (choices.length > 0) input.choices = choices;
  const body = { inputs: [input], scores: true };
  const labels = element("labels").value.split(",").map((name) => name.trim()).filter(Boolean);
  if (labels.length > 0) body.zero_shot = labels;
  const [setup, names] = [element("setup").value.trim(), chosenNames()];
  if (setup) body.setup = setup; else if (names.length > 0) body.adapters = names;
  element("error").hidden = true;
  element("go").disabled = true;
  const start = performance.now();
  try {
    const [json, tokens] = await Promise.all([
      call("/api/predict", body), call("/tokenize", { inputs: text }).catch(() => null)]);
    element("took").textContent = `${Math.round(performance.now() - start)} ms`;
    const row = json.answers[0];
    const cards = "heads" in row
      ? Object.entries(row.heads).map(([head, answer]) => card(head, { ...row, heads: { [head]: answer } }))
      : Object.entries(row).map(([name, own]) => card(name, own));
    element("answers").replaceChildren(...cards);
    element("json").textContent = JSON.stringify(json, null, 2);
    element("json-box").hidden = false;
    element("tokens-box").hidden = !tokens;
    element("tokens").replaceChildren(...(tokens?.[0] ?? []).map((token) => make("span", token.text, { title: token.id })));
  } catch (error) {
    element("answers").replaceChildren();
    element("took").textContent = "";
    element("error").textContent = error.message;
    element("error").hidden = false;
  } finally {
    element("go").disabled = false;
  }
}

// The queue

async function watch() {
  if (!document.hidden) {
    try {
      const state = await call("/api/status");
      element("queue-meter").max = state.queue_limit;
      element("queue-meter").value = state.queued_tokens;
      element("queue-text").textContent =
        `${state.queued_tokens} tokens wait · ${state.adapters_resident} adapters loaded · about ${state.tokens_per_second} tokens/s`;
    } catch { element("queue-text").textContent = "no connection"; }
  }
  setTimeout(watch, 2000);
}

element("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
element("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); }
});
element("filter").addEventListener("input", showModels);
element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = element("key").value;
  sessionStorage.setItem("key", key);
  element("key-form").hidden = true;
  start();
});

async function start() {
  try { await loadModels(); } catch (error) {
    element("error").textContent = error.message;
    element("error").hidden = false;
  }
}
start().then(watch);
