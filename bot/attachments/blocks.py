"""Blocks of code and tables of an answer that are longer than some messages, as files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from bot.attachments.out import named
from connectors.base import AnswerFile

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`\n]*$")
_ROW = re.compile(r"\s{0,3}\|.*\|\s*$")
_RULE = re.compile(r"\s{0,3}\|(\s*:?-+:?\s*\|)+\s*$")
_CELL_END = re.compile(r"(?<!\\)\|")
_EXTENSIONS = {
    "bash": "sh", "c#": "cs", "c++": "cpp", "csharp": "cs", "javascript": "js", "jsx": "jsx",
    "kotlin": "kt", "markdown": "md", "plaintext": "txt", "powershell": "ps1", "python": "py",
    "ruby": "rb", "rust": "rs", "shell": "sh", "text": "txt", "typescript": "ts", "yml": "yaml",
}  # fmt: skip
"""Of languages whose files end otherwise."""


def long_blocks(text: str, most: int) -> Iterator[AnswerFile]:
    """The blocks of more than `most` characters, in order: code as it is, tables as CSV."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        end = at + 1
        if (fence := _FENCE.match(lines[at])) is not None:
            end = _code_end(lines, at, fence[1])
            content = "".join(f"{line}\n" for line in lines[at + 1 : end - 1])
            if len(content) > most:
                yield _code(content, fence[2].lower())
        elif _ROW.match(lines[at]) and at + 1 < len(lines) and _RULE.match(lines[at + 1]):
            end = next((n for n in range(at, len(lines)) if not _ROW.match(lines[n])), len(lines))
            if sum(len(line) + 1 for line in lines[at:end]) > most:
                yield _table([lines[at], *lines[at + 2 : end]])
        at = end


def _code_end(lines: list[str], at: int, fence: str) -> int:
    """The number of the line behind the fence that closes a block, or behind the last line."""
    closes = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
    for number in range(at + 1, len(lines)):
        if closes.match(lines[number]):
            return number + 1
    return len(lines) + 1


def _code(content: str, language: str) -> AnswerFile:
    extension = _EXTENSIONS.get(language, language if language.isalnum() else "") or "txt"
    return AnswerFile.of(
        named(f"code.{extension[:10]}", "text/plain"), "text/plain", _encoded(content)
    )


def _table(rows: list[str]) -> AnswerFile:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    for row in rows:
        cells = _CELL_END.split(row.strip().removeprefix("|").removesuffix("|"))
        writer.writerow([cell.strip().replace("\\|", "|") for cell in cells])
    return AnswerFile.of("table.csv", "text/csv", _encoded(written.getvalue()))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
