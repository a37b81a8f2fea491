"""A second reader of the page: what a real browser makes of an answer's HTML, by its own DOM.

It shares no code with the first. The page's own style sheet is on: what it hides is not read.
"""

from __future__ import annotations

from pathlib import Path

SCRIPT = (Path(__file__).parent / "reading.js").read_text()
"""Takes an answer's HTML, gives the lines that a person reads of it."""
_CSS = Path("connectors/web/static/page.css").read_text()
PAGE = f"<style>{_CSS}</style><main><div class='bot'><div class='body'></div></div></main>"
"""Where the script puts what it reads."""
