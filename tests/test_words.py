"""Every sentence by id: none is unknown, none lacks a parameter, none is left unused."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.words import CATALOGUE, Sentence, english, parameters
from providers.causes import CAUSES

ROOT = Path(__file__).parent.parent
SOURCES = [path for folder in ("bot", "connectors", "providers") for path in
           sorted((ROOT / folder).rglob("*.py"))]  # fmt: skip


def sentences(source: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The id and the parameters' names of each `Sentence(…)` that is written out in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Sentence":
            id_, *rest = node.args
            if not isinstance(id_, ast.Constant):
                continue  # made from a table, whose own test looks at its ids
            params = rest[0] if rest else ast.Dict([], [])
            if isinstance(params, ast.Dict):
                keys = (ast.literal_eval(key) for key in params.keys if key is not None)
                yield str(id_.value), frozenset(keys)


def written() -> list[tuple[str, str, frozenset[str]]]:
    return [(path.name, *found) for path in SOURCES for found in sentences(path.read_text())]


@pytest.mark.parametrize(("module", "id_", "params"), written())
def test_a_sentence_has_a_template_and_all_of_its_parameters(
    module: str, id_: str, params: frozenset[str]
) -> None:
    assert id_ in CATALOGUE, module
    assert params == parameters(id_), module


@pytest.mark.parametrize("id_", CATALOGUE)
def test_every_template_can_be_filled(id_: str) -> None:
    values = dict.fromkeys(parameters(id_), 7)
    text = english(Sentence(id_, values))
    assert text == text.strip()
    assert "{" not in text


QUOTED = re.compile(r"""'[\w.]+'|"[\w.]+\"""")
QUOTED_IDS = re.compile(r'"(store\.\w+)"')
OF_CAUSES = {f"{table}.{cause}" for cause in CAUSES for table in ("cause", "cure")}
OF_READERS = {f"failed.{row.reader}" for row in CAUSES.values()}
SETTINGS = frozenset({"key", "address"})
"""What a cure may name besides its cause's own parameters: settings of the model that failed."""


def test_every_sentence_is_used() -> None:
    own = ROOT / "bot/words.py"
    source = "".join(path.read_text() for path in SOURCES if path != own)
    written_out = {
        id_ for id_ in CATALOGUE if {f'"{id_}"', f"'{id_}'"} & set(QUOTED.findall(source))
    }
    cures = {f"cure.{id_}" for id_ in QUOTED_IDS.findall(source)} & set(CATALOGUE)
    assert written_out | OF_CAUSES | OF_READERS | cures == set(CATALOGUE)


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_says_what_happened_and_what_cures_it(cause: str) -> None:
    params = frozenset(CAUSES[cause].params)
    assert parameters(f"cause.{cause}") <= params
    assert parameters(f"cure.{cause}") <= params | SETTINGS
    assert not parameters(f"failed.{CAUSES[cause].reader}")


def test_braces_in_a_value_are_text() -> None:
    assert english(Sentence("answer.not_read", {"what": "{x}.txt"})) == "Not read: {x}.txt"


def test_an_unknown_sentence_and_a_missing_parameter_are_errors() -> None:
    with pytest.raises(KeyError):
        english(Sentence("no.such"))
    with pytest.raises(KeyError):
        english(Sentence("answer.not_read"))
