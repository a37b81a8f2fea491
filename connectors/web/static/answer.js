// An answer as it is drawn: the server's HTML (made and cleaned by connectors/web/dialect), with what
// the page adds to it: a bar above code, a caret, links between footnotes.

import { copy } from "./copying.js";
import { make } from "./elements.js";
import { patch } from "./patch.js";
import { say } from "./words.js";

const BLOCKS =
  "p, h1, h2, h3, h4, h5, h6, blockquote, ul, ol, li, pre, pre > code, .table, table, tbody, thead, tr, th, td";
const FOOTNOTE = /\[\^([\w-]{1,32})\]/g;
const SHORT_CELL = 40; // letters: a line of so few is not broken

// Makes the body show the HTML. `mark` sets it apart: footnotes lead within it.
export function draw(body, html, { writing, fault, mark }) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const content = fresh.content;
  if (writing) tip(content)?.classList.add("tip");
  if (fault) note(content)?.classList.add("fault");
  for (const code of content.querySelectorAll("pre")) {
    code.tabIndex = 0; // to scroll it by keys
    code.before(codeBar(code));
  }
  for (const table of content.querySelectorAll("table")) scrolling(table);
  footnotes(content, mark);
  patch(body, content);
}

// The innermost block at the answer's end: the next word will stand there.
function tip(content) {
  let block = content.lastElementChild;
  while (block?.lastElementChild?.matches(BLOCKS)) block = block.lastElementChild;
  if (block?.localName === "code" && block.lastChild?.nodeType === Node.TEXT_NODE) {
    block.lastChild.data = block.lastChild.data.replace(/\n$/, "");
  }
  return block;
}

// The line in which the bot says why the answer ended as it did.
function note(content) {
  const last = content.lastElementChild;
  return last?.matches("p:has(> em:only-child)") ? last : null;
}

// Above a block of code: its language, and a button that copies it.
function codeBar(code) {
  const language = /language-(\S+)/.exec(code.firstElementChild?.className ?? "")?.[1] ?? "";
  const bar = make("div", "code-bar own");
  const button = make("button", "", say("code.copy"));
  button.type = "button";
  bar.append(make("span", "", language), button);
  return bar;
}

export async function copyCode(button) {
  const done = await copy(button.parentElement.nextElementSibling.textContent);
  button.textContent = say(done ? "code.copied" : "code.not_allowed");
  setTimeout(() => (button.textContent = say("code.copy")), 2000);
}

// A wide table scrolls: short cells stay in one line.
function scrolling(table) {
  const box = make("div", "table");
  box.tabIndex = 0;
  table.replaceWith(box);
  box.append(table);
  for (const cell of table.querySelectorAll("th, td")) {
    cell.classList.toggle("short", cell.textContent.length <= SHORT_CELL);
  }
}

// `[^1]` leads to the paragraph that begins `[^1]:`, and back, where the answer has both.
function footnotes(content, mark) {
  const found = [];
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.includes("[^") || node.parentElement?.closest("code, a, math")) continue;
    for (const match of node.data.matchAll(FOOTNOTE)) found.push({ node, match, name: match[1] });
  }
  for (const each of found) {
    const { node, match } = each;
    const begins = node.data[match.index + match[0].length] === ":";
    const before = node.previousSibling;
    each.defines = begins && match.index === 0 && (!before || before.localName === "br");
  }
  const names = (defines) => new Set(found.filter((each) => each.defines === defines).map(({ name }) => name));
  const [defined, used] = [names(true), names(false)];
  // The last ones first: what stands before them in the same text keeps its place.
  for (const { node, match, name, defines } of found.reverse()) {
    if (defined.has(name) && used.has(name)) lead(node, match, name, defines, mark);
  }
}

function lead(node, match, name, defines, mark) {
  const link = make("a");
  const here = defines ? "fn" : "fnref";
  link.href = `#${defines ? "fnref" : "fn"}-${mark}-${name}`;
  link.dataset.footnote = `${here}-${mark}-${name}`;
  // All of the source is there to be copied; what is drawn is [1].
  link.append("[", make("span", "mark", "^"), `${name}]`);
  const rest = node.splitText(match.index);
  rest.data = rest.data.slice(match[0].length);
  const set = make(defines ? "span" : "sup", "footnote");
  set.append(link);
  rest.before(set);
}

// Follows a link between footnotes; true where it was one.
export function follow(link, root) {
  const name = link.closest("[data-footnote]") && link.closest("a").getAttribute("href").slice(1);
  if (!name) return false;
  const to = root.querySelector(`[data-footnote="${CSS.escape(name)}"]`);
  to?.scrollIntoView({ block: "center" });
  to?.focus({ preventScroll: true });
  return true;
}
