"""Every sentence that readers and operators see, by id, in every language that there is.

Code passes sentences as ids with named parameters, and through the seam as a `Wording`: a sentence
and its reader's language. It becomes text only where it is shown. The English tables are
Python, beside this file; every other language is a catalog, `<language>.po`, with the same ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Literal

from connectors.words.installation import SUPPLIED, installed
from connectors.words.of_answers import OF_ANSWERS
from connectors.words.of_files import OF_FILES
from connectors.words.of_models import OF_FAILING_MODELS
from connectors.words.of_platforms import OF_PLATFORMS
from connectors.words.of_scopes import OF_SCOPES
from connectors.words.of_tools import OF_TOOLS
from connectors.words.po import read_po


class Language(StrEnum):
    """A language that all sentences are in."""

    ENGLISH = "en"
    CHINESE = "zh"

    @property
    def tag(self) -> str:
        """As browsers and platforms write it."""
        return _TAGS[self]


_TAGS = {Language.ENGLISH: "en", Language.CHINESE: "zh-CN"}

CATALOGUE: dict[str, str] = {
    **OF_ANSWERS,
    **OF_FAILING_MODELS,
    **OF_TOOLS,
    **OF_FILES,
    **OF_PLATFORMS,
    **OF_SCOPES,
}
"""The English template of each sentence, for `str.format` with the sentence's parameters."""

FORMER: Mapping[str, tuple[str, ...]] = {
    "failed.service": ("The model's service failed, so the answer ends here.",),
}
"""Templates that earlier versions had: their messages still stand, and have to be recognised."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence: its id in `CATALOGUE`, and the values of its template's parameters.

    A value may be a sentence itself; it becomes text together with the whole.
    """

    id: str
    params: Mapping[str, str | int | float | Sentence] = field(default_factory=dict)

    def __format__(self, _how: str) -> str:
        raise TypeError(f"{self.id} is no text before its reader's language is known")

    def to(self, language: Language) -> Wording:
        """The sentence for a reader of a language."""
        return Wording(self, language)


@dataclass(frozen=True, slots=True)
class Wording:
    """A sentence, and the language that its reader has. It is never a string before it is shown."""

    sentence: Sentence
    language: Language

    def __format__(self, _how: str) -> str:
        raise TypeError(f"{self.sentence.id} is no text before it is shown")

    @property
    def text(self) -> str:
        """What is shown; raises `KeyError` for an unknown id or a missing parameter."""
        return render(self.sentence, self.language)


def render(sentence: Sentence, language: Language) -> str:
    """The sentence as text; raises `KeyError` for an unknown id or a missing parameter."""
    values = {
        name: render(value, language) if isinstance(value, Sentence) else value
        for name, value in sentence.params.items()
    }
    return catalogue(language)[sentence.id].format_map(_Values(values))


class _Values(dict[str, str | int | float]):
    """A sentence's values; what is to be typed here depends on how this copy was installed."""

    def __missing__(self, name: str) -> str:
        if name == "everytoken":
            return installed().everytoken
        if name == "install":
            return _Install(self.get("extra", ""))
        raise KeyError(name)


class _Install(str):
    """How an extra is installed, this one or the one that the template names: `{install:local}`."""

    __slots__ = ()

    def __format__(self, extra: str) -> str:
        return installed().install(extra or str(self))


def english(sentence: Sentence) -> str:
    """The sentence in English, as logs have it."""
    return render(sentence, Language.ENGLISH)


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """The template of each sentence in a language."""
    if language is Language.ENGLISH:
        return CATALOGUE
    return {entry.id: entry.text for entry in read_po(po_path(language).read_text("utf-8"))}


def po_path(language: Language) -> Path:
    """The file that has the sentences of a language other than English."""
    return Path(__file__).with_name(f"{language.tag.replace('-', '_')}.po")


# Which language a reader has.


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_NOT_CHINESE = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\uac00-\ud7af]")


def language_of(tags: str) -> Language | None:
    """The first language that there is among tags as platforms, browsers and systems give them.

    `zh-CN`, `zh_TW.UTF-8`, `de,zh;q=0.8,en;q=0.5`, `de_DE:zh`; None where none is known.
    """
    for tag in re.split("[,:]", tags):
        primary = re.split("[-_.;@]", tag.strip().lower())[0]
        if primary in set(Language):
            return Language(primary)
    return None


def script_of(text: str) -> Language | None:
    """Chinese, where a text has Han characters and neither kana nor Hangul; None: it can't be told.

    Many languages are written in Latin letters, so these say nothing.
    """
    if _NOT_CHINESE.search(text) or not _HAN.search(text):
        return None
    return Language.CHINESE


def chosen(tags: str, scope: Language | None, question: str, default: Language) -> Language:
    """The first that is known: the person's, the scope's, the question's script's, the default."""
    return language_of(tags) or scope or script_of(question) or default


# Sentences put together, and recognised.


def listed(
    sentences: Sequence[Sentence], by: Literal["list.comma", "list.semicolon"]
) -> Sentence | None:
    """Several sentences as one list; None if there are none."""
    if not sentences:
        return None
    first, *others = sentences
    rest = listed(others, by)
    return first if rest is None else Sentence(by, {"first": first, "rest": rest})


def is_one_of(text: str, *prefixes: str) -> bool:
    """Whether a text is a sentence of ours, in any language, whose id has one of these prefixes.

    Its parameters may have any values. Sentences of earlier versions count, too.
    """
    return which(text, *prefixes) is not None


def which(text: str, *prefixes: str) -> str | None:
    """The id of the sentence that a text is, in any language, if it has one of these prefixes."""
    ids, pattern = _near(prefixes)
    found = pattern.fullmatch(text) if ids else None
    return ids[found.lastindex - 1] if found and found.lastindex else None


@cache
def _near(prefixes: tuple[str, ...]) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """The ids with one of these prefixes, and a pattern of which each has a group, in order.

    There are a thousand templates: one by one they take longer to compile and to try than in one.
    """
    near = [(id_, _pattern(said)) for id_, said in _all_templates() if id_.startswith(prefixes)]
    return tuple(id_ for id_, _ in near), re.compile("|".join(f"({said})" for _, said in near))


def _all_templates() -> Iterator[tuple[str, str]]:
    for language in Language:
        yield from catalogue(language).items()
    for id_, templates in FORMER.items():
        yield from ((id_, template) for template in templates)


def _pattern(template: str) -> str:
    parts = Formatter().parse(template)
    return "".join(re.escape(said) + (".*" if name else "") for said, name, *_ in parts)


def parameters(id_: str, language: Language = Language.ENGLISH) -> frozenset[str]:
    """The names of the parameters in a sentence's template that have to be given."""
    parts = Formatter().parse(catalogue(language)[id_])
    return frozenset(name for _, name, _, _ in parts if name) - SUPPLIED
