// What is copied of an answer: its Markdown, as the model wrote it, or what a reader sees of it.

// True where the browser let us.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // the page is not reached over TLS, or the reader forbade it
  }
}

const APART = "p, h1, h2, h3, h4, h5, h6, pre, blockquote, ul, ol, .table, hr";

// The text that is drawn: blocks apart by a line, list marks as they are seen, cells apart by tabs.
export function plain(body) {
  return blocks(body).join("\n\n");
}

function blocks(parent) {
  return [...parent.children].filter((child) => !child.matches(".own")).map(block).filter(Boolean);
}

function block(element) {
  switch (element.localName) {
    case "pre":
      return element.textContent.replace(/\n$/, "");
    case "ul":
    case "ol":
      return list(element);
    case "hr":
      return "---";
    case "blockquote":
      return blocks(element).join("\n\n").replace(/^/gm, "> ");
    default:
      return element.matches(".table") ? table(element) : words(element);
  }
}

function list(element) {
  let number = element.start ?? 0;
  const lines = [...element.children].map((item) => {
    if (item.hasAttribute("value")) number = item.value;
    const counts = element.localName === "ol" && !item.matches(".on, .written");
    const mark = counts ? `${number}${element.matches(".round") ? ")" : "."} ` : item.matches(".task, .written, .on") ? "" : "• ";
    if (counts) number += 1;
    const inside = item.querySelector(APART) ? blocks(item).join("\n") : words(item);
    return mark + inside.replace(/\n/g, `\n${" ".repeat(mark.length || 2)}`);
  });
  return lines.join("\n");
}

function table(element) {
  const rows = [...element.querySelectorAll("tr")];
  return rows.map((row) => [...row.children].map((cell) => words(cell)).join("\t")).join("\n");
}

function words(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\s+/g, " ");
  if (node.localName === "br") return "\n";
  if (node.localName === "math") return node.querySelector("annotation")?.textContent ?? "";
  const text = [...node.childNodes].map(words).join("");
  const address = node.localName === "a" && !node.dataset.footnote ? node.getAttribute("href") : text;
  const told = address === text ? text : `${text} (${address})`;
  return node.matches?.(APART) ? told.replace(/ *\n */g, "\n").trim() : told;
}
