"""Every sentence by id: none is unknown, none lacks a parameter, none is left unused."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from bot.runs.receipts import Fault
from bot.scopes import SETTINGS as IN_FORMS
from bot.words import CATALOGUE, Sentence, english, parameters
from providers.causes import CAUSES

ROOT = Path(__file__).parents[2]
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
    sources = ((path.name, path.read_text()) for path in SOURCES)
    speaking = ((name, source) for name, source in sources if "Sentence(" in source)
    return [(name, *found) for name, source in speaking for found in sentences(source)]


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


SPEAKERS = [
    ROOT / "bot" / name
    for name in (
        "intake/admission.py", "intake/quotas.py", "intake/intake.py", "intake/notices.py",
        "intake/inbox.py",
        "intake/queue.py", "attachments/files.py", "attachments/documents.py",
        "runs/usage.py", "runs/prompt.py", "reply/state.py",
        "reply/screen.py", "cli/doctor.py",
    )
]  # fmt: skip
"""The modules that decide what readers and the doctor's operator are told."""
A_SENTENCE = re.compile(r"[A-Za-z']{2,}[,;:.]? +[A-Za-z']{2,}[,;:.]? +[A-Za-z']{2,}")


def written_out(source: str) -> list[str]:
    """The texts of three words or more in a source that somebody may be told."""
    tree = ast.parse(source)
    apart: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):  # a command's help
            apart |= {inner for each in node.decorator_list for inner in ast.walk(each)}
        if (
            _is_documentation(node)
            or _is_a_list(node)
            or isinstance(node, ast.Raise | ast.Assert)
            or _is_logged(node)
        ):
            apart |= set(ast.walk(node))
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr))
    return [
        text for node in texts if node not in apart and A_SENTENCE.search(text := _text_of(node))
    ]


def _is_documentation(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_a_list(node: ast.AST) -> bool:
    """Words under each other that are told apart by white space, assigned to a constant."""
    value = node.value if isinstance(node, ast.Assign) else None
    return isinstance(value, ast.Constant) and str(value.value).startswith("\n")


def _is_logged(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and getattr(called.value, "id", None) == "log"


def _text_of(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


@pytest.mark.parametrize("path", SPEAKERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_who_tells_people_something_writes_no_sentence_out(path: Path) -> None:
    assert written_out(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        'NOT_KEPT = "I no longer have that question."',
        'def f(most: int) -> str:\n    return f"You had {most} answers of today."',
        'Check("model", False, "it is", "choose another model, please")',
    ],
)
def test_a_sentence_that_is_written_out_would_be_found(source: str) -> None:
    assert written_out(source)
    assert not written_out('"""What it says here."""\nlog.info("a line of a log")')


QUOTED = re.compile(r"""'[\w.]+'|"[\w.]+\"""")
QUOTED_IDS = re.compile(r'"(store\.\w+)"')
OF_CAUSES = {f"{table}.{cause}" for cause in CAUSES for table in ("cause", "cure")}
OF_READERS = {f"failed.{row.reader}" for row in CAUSES.values()}
SETTINGS = frozenset({"key", "address"})
"""What a cure may name besides its cause's own parameters: settings of the model that failed."""


def test_every_sentence_is_used() -> None:
    own = ROOT / "connectors/words"
    source = "".join(path.read_text() for path in SOURCES if path.parent != own)
    written_out = {
        id_ for id_ in CATALOGUE if {f'"{id_}"', f"'{id_}'"} & set(QUOTED.findall(source))
    }
    cures = {f"cure.{id_}" for id_ in QUOTED_IDS.findall(source)} & set(CATALOGUE)
    fields = {f"setting.{name}" for name in IN_FORMS}
    links = {f"fault.{link}" for link in get_args(get_type_hints(Fault)["link"])}
    assert written_out | OF_CAUSES | OF_READERS | cures | fields | links == set(CATALOGUE)


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
