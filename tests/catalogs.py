"""The catalogs against the English tables: `python -m tests.catalogs` names what differs.

With `--write` each catalog is put into the tables' order with their English as comments: what
is missing is added, empty, and what has other English now is marked as fuzzy.
`make check` runs it without.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from string import Formatter

from babel.messages.pofile import read_po as read_by_babel

from connectors.words import CATALOGUE, Language, po_path
from connectors.words.po import PoEntry, read_po

OTHERS = [each for each in Language if each is not Language.ENGLISH]
_HEAD = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def fields(template: str) -> set[str]:
    """The parameters of a template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def problems(source: str) -> Iterator[str]:
    """What is wrong with a catalog, a line each."""
    entries = read_po(source)
    ids = [entry.id for entry in entries]
    yield from (f"{id_}: it is there twice" for id_ in {i for i in ids if ids.count(i) > 1})
    yield from (f"{id_}: it is missing" for id_ in CATALOGUE if id_ not in ids)
    for entry in entries:
        if entry.id not in CATALOGUE:
            yield f"{entry.id}: there is no such sentence"
        else:
            yield from (f"{entry.id}: {what}" for what in _wrong(entry, CATALOGUE[entry.id]))
    yield from _read_otherwise(source, entries)


def _wrong(entry: PoEntry, english: str) -> Iterator[str]:
    if not entry.text:
        yield "it has no translation"
    if entry.fuzzy:
        yield "it is marked as fuzzy"
    if _comment(english) != entry.english:
        yield "its English has changed: translate it again"
    if entry.text and fields(entry.text) != fields(english):
        yield "its parameters are not those of the English"


def _read_otherwise(source: str, entries: list[PoEntry]) -> Iterator[str]:
    """Babel reads a catalog as every tool for translators does."""
    catalog = read_by_babel(io.BytesIO(source.encode()))
    theirs = {str(each.id): str(each.string) for each in catalog if each.id}
    if theirs != {entry.id: entry.text for entry in entries}:
        yield "Babel reads the catalog otherwise than we do"


def _comment(english: str) -> str:
    return english.replace("\n", " ").strip()


def written(language: Language, source: str) -> str:
    """A catalog as it should look; what is missing is empty."""
    known = {entry.id: entry for entry in read_po(source)} if source else {}
    blocks = [_HEAD.format(language=language.tag.replace("-", "_"))]
    for id_, english in CATALOGUE.items():
        entry = known.get(id_) or PoEntry(id_, "", _comment(english))
        stale = entry.fuzzy or entry.english not in ("", _comment(english))
        flag = "#, fuzzy\n" if stale else ""
        said = f'msgid "{id_}"\nmsgstr "{_quoted(entry.text)}"\n'
        blocks.append(f"#. {_comment(english)}\n{flag}{said}")
    return "\n".join(blocks)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def main() -> int:
    """How many catalogs have something wrong."""
    wrong = 0
    for language in OTHERS:
        path = po_path(language)
        source = path.read_text("utf-8") if path.exists() else ""
        if "--write" in sys.argv:
            path.write_text(written(language, source), "utf-8")
            source = path.read_text("utf-8")
        found = [f"{path.name}: {problem}" for problem in problems(source)]
        sys.stderr.write("".join(f"{line}\n" for line in found))
        wrong += bool(found)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
