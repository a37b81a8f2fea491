"""What kind of file something is, by its name and by the type that the platform gives it.

The name goes first: platforms say `application/octet-stream` of what they don't know, `text/plain`
of much else, and take TypeScript (`.ts`) for a film.
"""

from __future__ import annotations

from enum import Enum, auto

from connectors.base import File


class Kind(Enum):
    """How a file can be read."""

    IMAGE = auto()
    TEXT = auto()
    PDF = auto()
    OTHER = auto()


_IMAGES = frozenset({"gif", "jpeg", "jpg", "png", "webp"})
_TEXTS = """
adoc asc asciidoc asm astro awk bash bat bats bib bicep c cabal cc cfg cjs clj cljs cls cmake
cmd coffee conf cpp cr cs csproj css csv cts cu cue cxx d dart diff dockerfile dot dts edn el
elm env erb erl ex exs f f90 feature fish fs fsx gd glsl go gql gradle graphql groovy gv h haml
handlebars hbs hcl hh hpp hrl hs htm html hxx ics idl ini ino ipynb java jinja jinja2 jl js json
json5 jsonc jsonl jsx kt kts latex less lhs lisp lock log lua m make markdown md mdx mjs mk ml
mli mm mod mts nasm ndjson nim nix nu org pas patch php pl plist pm po pp prisma properties
proto ps1 psm1 psv pug puml py pyi pyx qml r rake rb rego rkt rmd robot rs rst rtl s sass sbt
scala scm scss sed service sh sln sol sql srt ss st sty styl sum sv svelte svg swift tcl tex
text textile tf tfvars thrift toml ts tsv tsx txt typ v vb vbs vert vhd vhdl vim vtt vue wat
wgsl xaml xhtml xml xsd xsl xslt yaml yang yml zig zsh
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
_EXTENSIONS_OF_TEXT = frozenset(_TEXTS.split())
_NAMES_OF_TEXT = frozenset(_TEXT_NAMES.split())
_TYPES_OF_TEXT = frozenset(f"application/{name}" for name in _TEXT_TYPES.split())
_TYPES_OF_IMAGES = frozenset(f"image/{name}" for name in _IMAGES)


def kind_of(file: File) -> Kind:
    """The kind by the name where that tells it, else by the media type."""
    return _by_name(file.name.strip().lower()) or _by_type(file.media_type)


def _by_name(name: str) -> Kind | None:
    extension = name.rpartition(".")[2] if "." in name else ""
    if extension in _IMAGES:
        return Kind.IMAGE
    if extension == "pdf":
        return Kind.PDF
    return Kind.TEXT if extension in _EXTENSIONS_OF_TEXT or name in _NAMES_OF_TEXT else None


def _by_type(media_type: str) -> Kind:
    bare = media_type.partition(";")[0].strip().lower()
    if bare in _TYPES_OF_IMAGES:
        return Kind.IMAGE
    if bare == "application/pdf":
        return Kind.PDF
    texts = bare.startswith("text/") or bare.endswith(("+json", "+xml", "+yaml"))
    return Kind.TEXT if texts or bare in _TYPES_OF_TEXT else Kind.OTHER
