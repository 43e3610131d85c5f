"use strict";
// Events are found, filtered and drawn as they are seen. All text goes through textContent: nothing here makes HTML.
(() => {
const $ = id => document.getElementById(id);
const make = (tag, name, text) => { const it = document.createElement(tag); if (name) it.className = name; if (text !== undefined) it.textContent = text; return it; };
const HEIGHT = 30, MOST_BYTES = 4096, MARKS = {matches: "✓", mismatch: "✗", not_checkable: "·"};
const styled = verdict => verdict === "matches" || verdict === "mismatch" ? "m-" + verdict : "m-other";
const model = JSON.parse($("model").textContent);
const {rows, registers, types, verdicts, standings, logs} = model;
const chunks = [...document.querySelectorAll("script.details")].map(it => ({it, lines: null}));
const TOGETHER = 256;
const detailText = at => {
  const chunk = chunks[Math.floor(at / TOGETHER)];
  chunk.lines ||= chunk.it.textContent.split("\n");
  return chunk.lines[at % TOGETHER];
};
const spoken = word => word.replaceAll("_", " ");
document.documentElement.classList.add("js");
$("find").hidden = $("both").hidden = $("theme").hidden = false;

// Filters.
const fill = (select, names) => names.forEach((name, at) => { if (name[0] !== undefined && name !== "") select.append(new Option(Array.isArray(name) ? name[1] : spoken(name), at)); });
fill($("register"), registers); fill($("verdict"), verdicts); fill($("standing"), standings);
$("proven").hidden = standings.length === 1 && standings[0] === "";
let seen = rows.map((_, at) => at), chosen = -1, lower = null;
const words = at => (lower ||= [])[at] ||= (rows[at][0] + " " + registers[rows[at][1]].join(" ") + " " + types[rows[at][2]] + " " + rows[at][5]).toLowerCase();
const filter = () => {
  const asked = $("query").value.trim().toLowerCase(), hex = /^[0-9a-f]{8,}$/.test(asked);
  const [register, verdict, standing] = ["register", "verdict", "standing"].map(id => $(id).value);
  seen = [];
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at];
    if (register !== "" && row[1] !== +register) continue;
    if (verdict !== "" && row[3] !== +verdict) continue;
    if (standing !== "" && row[4] !== +standing) continue;
    if (asked && !words(at).includes(asked) && !(hex && detailText(at).includes(asked))) continue;
    seen.push(at);
  }
  $("count").textContent = seen.length === rows.length ? `${rows.length} events` : `${seen.length} of ${rows.length} events`;
  $("tall").style.height = seen.length * HEIGHT + "px";
  $("list").scrollTop = 0;
  draw(true);
};

// The list: only rows that are seen are elements.
const drawn = new Map();
const element = place => {
  const at = seen[place], row = rows[at], it = make("div", "row"), verdict = verdicts[row[3]];
  it.id = "row-" + at; it.style.top = place * HEIGHT + "px";
  it.setAttribute("role", "option"); it.setAttribute("aria-selected", at === chosen);
  it.setAttribute("aria-posinset", place + 1); it.setAttribute("aria-setsize", seen.length);
  if (!row[6]) it.classList.add("quiet");
  if (standings[row[4]] === "claimed") it.classList.add("claim");
  const mark = make("span", styled(verdict), MARKS[verdict] || "");
  mark.title = spoken(verdict);
  it.append(make("span", "no", row[0]), mark, make("span", "reg", registers[row[1]][0]), make("span", "type", types[row[2]].replace(/^EV_(EFI_)?/, "")), make("span", "say", row[5]));
  it.addEventListener("click", () => choose(at));
  return it;
};
const draw = anew => {
  const list = $("list"), first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 10);
  const last = Math.min(seen.length, first + Math.ceil(list.clientHeight / HEIGHT) + 20);
  for (const [place, it] of drawn) if (anew || place < first || place >= last) { it.remove(); drawn.delete(place); }
  for (let place = first; place < last; place++) if (!drawn.has(place)) { const it = element(place); drawn.set(place, it); $("tall").append(it); }
};
let asked = 0;
$("list").addEventListener("scroll", () => { asked ||= requestAnimationFrame(() => { asked = 0; draw(false); }); });
addEventListener("resize", () => draw(false));

// One event: what it says, its digests, its bytes.
const reveal = place => {
  const list = $("list"), top = place * HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
};
const choose = (at, quietly) => {
  const was = document.getElementById("row-" + chosen);
  if (was) was.setAttribute("aria-selected", "false");
  chosen = at;
  const place = seen.indexOf(at);
  if (place >= 0) { reveal(place); draw(false); const it = document.getElementById("row-" + at); if (it) it.setAttribute("aria-selected", "true"); $("list").setAttribute("aria-activedescendant", "row-" + at); }
  show(at);
  if (!quietly) history.replaceState(null, "", "#event-" + rows[at][0]);
};
const show = at => {
  const row = rows[at], told = JSON.parse(detailText(at)), panel = $("event");
  const standing = standings[row[4]], head = make("h3", "", `${row[0]} · ${registers[row[1]][1]}`);
  const type = make("div", "", types[row[2]]);
  const place = make("small", "", [logs.length > 1 ? logs[+row[0].split(".")[0]] : "", told.p ? `at 0x${told.p[0].toString(16)}, ${told.p[1]} bytes` : "", spoken(standing)].filter(Boolean).join(" · "));
  panel.replaceChildren(head, type, place);
  const list = make("dl");
  for (const [alg, digest, verdict, rule] of told.d)
    list.append(make("dt", "", alg), make("dd", "mono", digest), make("dd", styled(verdict), `${MARKS[verdict] || ""} ${rule}`));
  if (told.d.length) panel.append(list);
  const bytes = told.b === undefined ? null : Uint8Array.from(atob(told.b), letter => letter.charCodeAt(0));
  const lights = bytes && bytes.length ? new Lights(bytes, told) : null;
  if (told.t && told.t.length) {
    panel.append(make("h4", "", "What it says"), tree(told.t, lights));
  } else panel.append(make("p", "hint", row[5]));
  if (lights) panel.append(make("h4", "", told.n === bytes.length ? `${told.n} bytes` : `the first ${bytes.length} of ${told.n} bytes`), lights.where, lights.dump);
  if (lights && told.f && told.f.length) {
    const lines = told.f.map(([path, from, size]) => { const parts = path.split("."); return [parts.length - 1, parts[parts.length - 1].replaceAll("_", " "), value(bytes, from, size), from, size]; });
    panel.append(make("h4", "", "Fields, as read"), tree(lines, lights));
  }
  panel.scrollTop = 0;
};
const tree = (lines, lights) => {
  const list = make("div", "tree");
  for (const [depth, key, text, from, size] of lines) {
    const it = make("div");
    it.style.marginLeft = depth * 16 + "px";
    it.append(make("span", "key", text ? key + " " : key), make("span", "", text));
    if (lights && from !== undefined) lights.bind(it, from, size);
    list.append(it);
  }
  return list;
};
// What a field's bytes may be for a person: a text, a number, else hex.
const value = (bytes, at, size) => {
  const part = bytes.subarray(at, at + size);
  const text = String.fromCharCode(...part.subarray(0, 200));
  if (size > 3 && /^[\x20-\x7e]+\0*$/.test(text)) return text.replace(/\0+$/, "");
  if (size > 3 && size % 2 === 0 && /^([\x20-\x7e]\0)+(\0\0)?$/.test(text)) return text.replace(/\0/g, "");
  const hex = [...part.subarray(0, 32)].map(each => each.toString(16).padStart(2, "0")).join("");
  if (size <= 8) { let number = 0n; for (let i = part.length - 1; i >= 0; i--) number = number * 256n + BigInt(part[i]); return `${number}`; }
  return size > 32 ? `${size} bytes` : hex;
};
// Fields and bytes light each other up.
class Lights {
  constructor(bytes, told) {
    this.fields = told.f || []; this.items = []; this.cells = []; this.held = null;
    this.where = make("p", "where", " ");
    this.dump = make("pre", "bytes"); this.dump.tabIndex = 0; this.dump.setAttribute("aria-label", "bytes of the event's data");
    this.draw(bytes, Math.min(bytes.length, MOST_BYTES));
    if (bytes.length > MOST_BYTES) {
      const more = make("button", "", `all ${bytes.length} bytes`); more.type = "button";
      more.addEventListener("click", () => { this.dump.replaceChildren(); this.cells = []; this.draw(bytes, bytes.length); });
      this.dump.append(more);
    }
    this.dump.addEventListener("mouseover", event => { const at = this.cells.indexOf(event.target); if (at >= 0) this.byte(at >> 1); });
    this.dump.addEventListener("mouseleave", () => this.rest());
  }
  draw(bytes, most) {
    for (let start = 0; start < most; start += 16) {
      const line = make("span"), letters = make("span");
      line.append(make("u", "", start.toString(16).padStart(4, "0") + "  "));
      for (let at = start; at < start + 16; at++) {
        if (at >= most) { line.append("   "); continue; }
        const byte = bytes[at], hex = make("i", "", byte.toString(16).padStart(2, "0")), letter = make("i", "", byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".");
        this.cells[2 * at] = hex; this.cells[2 * at + 1] = letter;
        line.append(hex, at % 16 === 7 ? "  " : " "); letters.append(letter);
      }
      line.append(" ", letters, "\n"); this.dump.append(line);
    }
  }
  bind(it, from, size) {
    it.dataset.at = from; it.tabIndex = 0; it.setAttribute("role", "button"); it.setAttribute("aria-pressed", "false");
    this.items.push([it, from, size]);
    const hold = () => { const same = this.held === it; if (this.held) this.held.setAttribute("aria-pressed", "false"); this.held = same ? null : it; it.setAttribute("aria-pressed", !same); if (same) this.light(0, 0); else { this.light(from, size); this.cells[2 * from]?.scrollIntoView({block: "nearest"}); } };
    it.addEventListener("mouseenter", () => this.light(from, size));
    it.addEventListener("mouseleave", () => this.rest());
    it.addEventListener("click", hold);
    it.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); hold(); } });
  }
  rest() { const found = this.items.find(([it]) => it === this.held); if (found) this.light(found[1], found[2]); else this.light(0, 0); }
  light(from, size) {
    for (const it of this.dump.querySelectorAll(".lit")) it.classList.remove("lit");
    for (let at = 2 * from; at < 2 * (from + size) && at < this.cells.length; at++) this.cells[at].classList.add("lit");
    for (const [it, at, length] of this.items) it.classList.toggle("lit", size > 0 && at === from && length === size);
    const name = this.fields.find(each => each[1] === from && each[2] === size);
    this.where.textContent = size ? `${name ? name[0] + ": " : ""}bytes ${from} to ${from + size - 1}` : " ";
  }
  byte(at) {
    let best = null;
    for (const [path, from, size] of this.fields) if (from <= at && at < from + size && (!best || size <= best[1])) best = [from, size];
    if (best) this.light(...best); else this.light(at, 1);
  }
}

// Keys, places, themes.
const step = by => { if (!seen.length) return; const place = seen.indexOf(chosen); choose(seen[Math.max(0, Math.min(seen.length - 1, place < 0 ? 0 : place + by))]); };
$("list").addEventListener("keydown", event => {
  const page = Math.floor($("list").clientHeight / HEIGHT) - 1;
  const by = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -seen.length, End: seen.length}[event.key];
  if (by !== undefined && !event.ctrlKey && !event.metaKey) { event.preventDefault(); step(by); }
});
addEventListener("keydown", event => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); $("query").focus(); }
  if (event.key === "Escape" && typing) { $("query").value = ""; filter(); $("list").focus(); }
});
$("find").addEventListener("input", filter);
$("find").addEventListener("submit", event => { event.preventDefault(); if (seen.length) { choose(seen[0]); $("list").focus(); } });
const byName = new Map(rows.map((row, at) => [row[0], at]));
const follow = () => { const at = byName.get(decodeURIComponent(location.hash).replace(/^#event-/, "")); if (at !== undefined && at !== chosen) { if (!seen.includes(at)) { for (const id of ["query", "register", "verdict", "standing"]) $(id).value = ""; filter(); } choose(at, true); $("events").scrollIntoView(); } };
addEventListener("hashchange", follow);
const root = document.documentElement, dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const name = () => { $("theme").textContent = dark() ? "light" : "dark"; };
$("theme").addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
name(); filter(); follow();
})();
