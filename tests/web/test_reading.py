"""A second reader of the page: what a real browser makes of the HTML, by its own DOM.

It shares no code with the first. The page's own style sheet is on: what it hides is not read.
"""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from random import Random

import pytest
from playwright.async_api import Browser

from connectors.markdown import plain
from connectors.web.markdown import render
from tests.markdown.corpus import texts

CSS = Path("connectors/web/static/page.css").read_text()
pytestmark = pytest.mark.real_time

# ruff: noqa: E501 - a program in another language
READER = """
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
    for (const part of text.split(/(\\u0001[^\\u0002]*\\u0002)/)) {
      if (part.startsWith("\\u0001")) line = (line ?? "") + part.slice(1, -1);
      else {
        const said = part.replace(/[\\s\\u001c-\\u001f\\u0085]+/gu, " ");
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
    const copy = node.innerText.replace(/[\\s\\u0085]+/gu, " ").trim();
    return copy;
  };
  const inline = node => {
    if (node.nodeType === Node.TEXT_NODE) { words(node.data); return; }
    if (getComputedStyle(node).display === "none") return;
    switch (node.localName) {
      case "br": { const cell = node.closest("td, th"); if (cell) words(" "); else flush(); line = ""; break; }
      case "code": words("\\u0001" + node.textContent + "\\u0002"); break;
      case "math": {
        const pieces = node.querySelector('annotation[encoding="application/x-tex"]').textContent.split("\\n");
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
        const code = node.textContent.split("\\n");
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
        const row = cells.join("\\t").replace(/\\t+$/, "");
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
"""


async def test_a_browser_reads_what_the_model_said(browser: Browser) -> None:
    """200 texts, half of them made by a grammar, half written by people."""
    page = await browser.new_page()
    await page.set_content(
        f"<style>{CSS}</style><main><div class='bot'><div class='body'></div></div></main>"
    )
    wrong = []
    for text in texts(200):
        lines = await page.evaluate(READER, render(text))
        if lines != (said := plain(text)):
            wrong.append([*unified_diff(said, lines, n=0)])
    await page.close()
    assert wrong == []


async def test_the_browser_can_tell_that_a_character_is_not_there(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content("<div class='body'></div>")
    random = Random(0)  # noqa: S311 - no secret
    for text in texts(20):
        letters = [at for at, char in enumerate(text) if char.isalnum()]
        at = random.choice(letters)
        html = render(text[:at] + "\u2603" + text[at + 1 :])
        assert await page.evaluate(READER, html) != plain(text)
    await page.close()
