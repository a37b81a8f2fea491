"""Which of a question's files are read, what kind each is, and how its name is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import ceil

from bot.words import Sentence
from connectors.base import File

# The kind of a file, by its name and then by the media type that the platform gives.
#
# The name comes first: platforms use `application/octet-stream` for what they don't know,
# `text/plain` for much else, and take TypeScript (`.ts`) for a video.


class FileKind(Enum):
    """How a file can be read."""

    IMAGE = auto()
    TEXT = auto()
    TABLE = auto()
    """Text in rows: CSV and the like."""
    HTML = auto()
    PDF = auto()
    DOCX = auto()
    XLSX = auto()
    AUDIO = auto()
    """Something that is said: heard before the model is asked."""
    OTHER = auto()


_IMAGES = frozenset({"gif", "jpeg", "jpg", "png", "webp"})
_TEXTS = """
adoc asc asciidoc asm astro awk bash bat bats bib bicep c cabal cc cfg cjs clj cljs cls cmake
cmd coffee conf cpp cr cs csproj css cts cu cue cxx d dart diff dockerfile dot dts edn el
elm env erb erl ex exs f f90 feature fish fs fsx gd glsl go gql gradle graphql groovy gv h haml
handlebars hbs hcl hh hpp hrl hs hxx ics idl ini ino ipynb java jinja jinja2 jl js json
json5 jsonc jsonl jsx kt kts latex less lhs lisp lock log lua m make markdown md mdx mjs mk ml
mli mm mod mts nasm ndjson nim nix nu org pas patch php pl plist pm po pp prisma properties
proto ps1 psm1 pug puml py pyi pyx qml r rake rb rego rkt rmd robot rs rst rtl s sass sbt
scala scm scss sed service sh sln sol sql srt ss st sty styl sum sv svelte svg swift tcl tex
text textile tf tfvars thrift toml ts tsx txt typ v vb vbs vert vhd vhdl vim vtt vue wat
wgsl xaml xml xsd xsl xslt yaml yang yml zig zsh
"""
_TEXT_NAMES = """
.bash_profile .bashrc .dockerignore .editorconfig .env .gitattributes .gitignore .gitmodules
.npmrc .prettierrc .profile .vimrc .zshrc authors brewfile caddyfile changelog codeowners
containerfile contributing copying dockerfile gemfile jenkinsfile justfile license makefile
notice pipfile procfile rakefile readme todo vagrantfile
"""
_TEXT_TYPES = """
ecmascript graphql javascript json ld+json ndjson sql toml typescript x-httpd-php x-javascript
x-ndjson x-python x-sh x-shellscript x-sql x-toml x-typescript x-yaml xml yaml
"""
_RECORDINGS = ("aac", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav", "weba")
_EXTENSIONS = {
    **dict.fromkeys(_IMAGES, FileKind.IMAGE),
    **dict.fromkeys(_TEXTS.split(), FileKind.TEXT),
    **dict.fromkeys(("csv", "psv", "tsv"), FileKind.TABLE),
    **dict.fromkeys(("htm", "html", "xhtml"), FileKind.HTML),
    "pdf": FileKind.PDF,
    **dict.fromkeys(("docm", "docx", "dotx"), FileKind.DOCX),
    **dict.fromkeys(_RECORDINGS, FileKind.AUDIO),
    **dict.fromkeys(("xlsm", "xlsx", "xltx"), FileKind.XLSX),
}
_NAMES_OF_TEXT = frozenset(_TEXT_NAMES.split())
_OFFICE = "application/vnd.openxmlformats-officedocument"
_TYPES = {
    **{f"application/{name}": FileKind.TEXT for name in _TEXT_TYPES.split()},
    **{f"image/{name}": FileKind.IMAGE for name in _IMAGES},
    "application/pdf": FileKind.PDF,
    "application/xhtml+xml": FileKind.HTML,
    "text/csv": FileKind.TABLE,
    "text/html": FileKind.HTML,
    "text/tab-separated-values": FileKind.TABLE,
    f"{_OFFICE}.wordprocessingml.document": FileKind.DOCX,
    f"{_OFFICE}.spreadsheetml.sheet": FileKind.XLSX,
}


def kind_of(file: File) -> FileKind:
    """The kind of a file, by its name or, if that doesn't tell, by its media type."""
    return _by_name(file.name.strip().lower()) or _by_type(file.media_type)


def _by_name(name: str) -> FileKind | None:
    extension = name.rpartition(".")[2] if "." in name else ""
    return FileKind.TEXT if name in _NAMES_OF_TEXT else _EXTENSIONS.get(extension)


def _by_type(media_type: str) -> FileKind:
    bare = media_type.partition(";")[0].strip().lower()
    texts = bare.startswith("text/") or bare.endswith(("+json", "+xml", "+yaml"))
    if bare.startswith("audio/"):
        return FileKind.AUDIO
    return _TYPES.get(bare, FileKind.TEXT if texts else FileKind.OTHER)


# Names and sizes of files, as they are shown. A name may be hostile.


_LONGEST = 60
"""Most characters of a name."""
_KEPT_END = 15
"""Characters that a shortened name keeps at its end."""
_FOLDERS = re.compile(r"[/\\]")
# Characters that could make code, links or mentions, or end the quotes around a name.
_MARKS = str.maketrans('`"<>[]|*', "''‹›()¦∗")
# Format characters can reverse or hide text; private ones and surrogates show nothing.
_HIDDEN = ("Cf", "Co", "Cs")
_BREAKS = ("Cc", "Zl", "Zp")


def shown_name(name: str) -> str:
    """A file's name on one line, without folders, markup, control or invisible characters.

    It has at most 60 characters.
    """
    bare = _FOLDERS.split(name.rstrip("/\\"))[-1]
    seen = "".join(map(_shown, bare)).translate(_MARKS)
    return _shortened(" ".join(seen.split())) or "unnamed file"


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _HIDDEN:
        return ""
    return " " if category in _BREAKS else character


def _shortened(name: str) -> str:
    """Shortened in the middle, because the extension says what kind of file it is."""
    if len(name) <= _LONGEST:
        return name
    return name[: _LONGEST - _KEPT_END - 1] + "…" + name[-_KEPT_END:]


def shown_size(size: int) -> str:
    """A size in bytes, kB or MB, rounded up: a size above a limit never looks equal to it."""
    if size < 1_000:
        return f"{size} bytes"
    if size < 1_000_000:
        return f"{ceil(size / 1_000)} kB"
    return f"{ceil(size / 100_000) / 10:g} MB"


def line(name: str, what: Sentence) -> Sentence:
    """A line for the reader about one file."""
    return Sentence("file.line", {"name": shown_name(name), "what": what})


def too_large(name: str, size: int, most: int) -> Sentence:
    """The line that a file of `size` bytes is larger than `most`."""
    return line(name, Sentence("file.too_large", sizes(size, most)))


def sizes(size: int, most: int) -> dict[str, str]:
    """A size and its limit, as they are shown."""
    return {"size": shown_size(size), "most": shown_size(most)}


def unreadable(name: str) -> Sentence:
    """The line that a file's kind is unknown."""
    return line(name, Sentence("file.kind"))


# The limits for a question's files.


_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The most files of a question, and the most bytes, characters and pages of one file."""

    files: int = 5
    image_bytes: int = 10 * _MB
    pdf_bytes: int = 10 * _MB
    text_bytes: int = 1 * _MB
    characters: int = 20_000
    """Characters (Unicode code points) of a text or a document."""
    pdf_pages: int = 50
    pdf_seconds: float = 15.0
    """Seconds that reading one document may take; what was read by then counts."""
    pictures: int = 10
    """Images of a document that has no text."""

    def bytes_of(self, kind: FileKind) -> int:
        """The most bytes of one file of this kind."""
        most = {
            FileKind.IMAGE: self.image_bytes,
            FileKind.PDF: self.pdf_bytes,
            FileKind.DOCX: self.pdf_bytes,
            FileKind.XLSX: self.pdf_bytes,
            FileKind.HTML: self.pdf_bytes,
            FileKind.AUDIO: self.pdf_bytes,
            FileKind.TABLE: self.text_bytes,
            FileKind.TEXT: self.text_bytes,
        }
        return most.get(kind, 0)


# Which files are downloaded, by what the platform says about them.


_MOST_NAMED = 5
"""Most files left out that are named."""
_TOO_MANY = {
    (True, True): "files.one_of_one",
    (False, True): "files.several_of_one",
    (True, False): "files.one_of_several",
    (False, False): "files.several_of_several",
}
"""Sentences by whether only one file was left out, and whether only one may be attached."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files to download, and the lines that tell the reader why others are left out."""

    taken: tuple[File, ...]
    left_out: tuple[Sentence, ...]


def choose(files: Sequence[File], limits: FileLimits, sees: bool) -> Chosen:
    """Chooses the first files that can be read; `sees` is whether the model takes images.

    Sizes are what the platform says; `DocumentReader` checks them again.
    """
    reasons = [_why_not(file, limits, sees) for file in files]
    readable = [file for file, reason in zip(files, reasons, strict=True) if reason is None]
    left_out = [reason for reason in reasons if reason is not None]
    if surplus := readable[limits.files :]:
        left_out.append(too_many(surplus, limits.files))
    return Chosen(tuple(readable[: limits.files]), tuple(left_out))


def _why_not(file: File, limits: FileLimits, sees: bool) -> Sentence | None:
    kind = kind_of(file)
    if kind in (FileKind.OTHER, FileKind.AUDIO):
        return unreadable(file.name)
    if kind is FileKind.IMAGE and not sees:
        return line(file.name, Sentence("file.not_seen"))
    most = limits.bytes_of(kind)
    return too_large(file.name, file.size, most) if file.size > most else None


def too_many(surplus: Sequence[File], most: int) -> Sentence:
    """The line that these files are more than the `most` of a question."""
    named = ", ".join(shown_name(file.name) for file in surplus[:_MOST_NAMED])
    names: str | Sentence = named
    if len(surplus) > _MOST_NAMED:
        more = Sentence("files.more", {"count": len(surplus) - _MOST_NAMED})
        names = Sentence("list.comma", {"first": named, "rest": more})
    id_ = _TOO_MANY[len(surplus) == 1, most == 1]
    return Sentence(id_, {"most": most, "names": names})


_RUNS = re.compile("`+")
_SHORTEST_FENCE = 3
"""Backticks of a fence in Markdown."""


def as_prompt(name: str, text: str) -> str:
    """A file for a prompt: its name, and its text in a fence that nothing in it can close."""
    longest = max((len(run) for run in _RUNS.findall(text)), default=0)
    fence = "`" * max(_SHORTEST_FENCE, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    return f'File "{shown_name(name)}":\n{fence}\n{text}{end}{fence}'
