"""A small server of tools with notes, on standard input and output, for the demonstration: one tool
reads, one writes. The notes are gone with its process. `python notes_server.py`.
"""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

_MOST = 20
_LONGEST = 200
"""Characters of a note."""

server = MCPServer("notes", log_level="ERROR")
_notes: list[str] = []


@server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
def read() -> str:
    """The notes that were kept, one a line."""
    return "\n".join(f"{n}. {note}" for n, note in enumerate(_notes, 1)) or "There are no notes."


@server.tool(annotations=ToolAnnotations(destructive_hint=False), structured_output=False)
def write(text: str) -> str:
    """Keeps a note."""
    _notes.append(" ".join(text.split())[:_LONGEST])
    del _notes[:-_MOST]
    return f"Kept. There are {len(_notes)} notes now." if _notes[1:] else "Kept, as the first note."


if __name__ == "__main__":
    server.run()
