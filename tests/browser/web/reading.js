// Lines that a person reads of an answer's HTML, by what the browser makes of it.
html => {
  const body = document.querySelector(".body");
  body.innerHTML = html;
  const lines = [];
  let line = null, mark = "";
  const flush = () => {
    if (line !== null && line.trim()) { lines.push(mark + line.trim()); mark = ""; }
    line = null;
  };
  const alone = () => { if (mark) lines.push(mark.trim()); mark = ""; };
  const words = text => {
    for (const part of text.split(/(\u0001[^\u0002]*\u0002)/)) {
      if (part.startsWith("\u0001")) line = (line ?? "") + part.slice(1, -1);
      else {
        const said = part.replace(/[\s\u001c-\u001f\u0085]+/gu, " ");
        line = (line ?? "").endsWith(" ") || line === null ? (line ?? "") + said.replace(/^ /, "") : line + said;
      }
    }
  };
  const numbered = item => {
    if (getComputedStyle(item).listStyleType === "none" || item.parentElement.tagName !== "OL") return "";
    let number = item.parentElement.start;
    for (const each of item.parentElement.children) {
      if (each.hasAttribute("value")) number = each.value;
      if (each === item) break;
      if (getComputedStyle(each).listStyleType !== "none") number += 1;
    }
    const round = getComputedStyle(item).listStyleType === "parenthesised";
    return number + (round ? ") " : ". ");
  };
  const label = node => {
    const copy = node.innerText.replace(/[\s\u0085]+/gu, " ").trim();
    return copy;
  };
  const inline = node => {
    if (node.nodeType === Node.TEXT_NODE) { words(node.data); return; }
    if (getComputedStyle(node).display === "none") return;
    switch (node.localName) {
      case "br": { const cell = node.closest("td, th"); if (cell) words(" "); else { flush(); line = ""; } break; }
      case "code": words("\u0001" + node.textContent + "\u0002"); break;
      case "math": {
        const pieces = node.querySelector('annotation[encoding="application/x-tex"]').textContent.split("\n");
        pieces.forEach((piece, at) => { if (at) { flush(); line = ""; } words(piece); });
        break;
      }
      case "a": {
        const before = label(node);
        node.childNodes.forEach(inline);
        if (before !== node.getAttribute("href")) words(" (" + node.getAttribute("href") + ")");
        break;
      }
      default: node.childNodes.forEach(inline);
    }
  };
  const block = node => {
    if (node.nodeType === Node.TEXT_NODE) { if (node.data.trim()) throw new Error("bare text: " + node.data); return; }
    switch (node.localName) {
      case "p": case "h1": case "h2": case "h3": case "h4": case "h5": case "h6":
        line = ""; node.childNodes.forEach(inline); flush(); alone(); break;
      case "li": alone(); mark = numbered(node); node.childNodes.forEach(block); alone(); break;
      case "pre": {
        alone();
        const code = node.textContent.split("\n");
        code.pop();
        lines.push(...code);
        break;
      }
      case "tr": {
        alone();
        const cells = [...node.children].map(cell => {
          line = ""; cell.childNodes.forEach(inline);
          const said = line.trim(); line = null; return said;
        });
        const row = cells.join("\t").replace(/\t+$/, "");
        if (row) lines.push(row);
        break;
      }
      case "hr": alone(); break;
      default: node.childNodes.forEach(block);
    }
  };
  body.childNodes.forEach(block);
  return lines;
}
