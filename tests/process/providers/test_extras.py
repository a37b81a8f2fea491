"""What only some models need is imported for them alone; where it lacks, the cure is named."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from providers.options import EXTRAS, needed

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_the_extras_are_those_of_the_project() -> None:
    """The cure names a package that the extra of that name brings."""
    declared = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    brought = {extra: Requirement(lines[0]).name for extra, lines in declared.items()}
    brought.pop("otel")  # traces, no model
    assert brought == {**EXTRAS, "local": "xllamacpp"}


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("providers.anthropic", "langchain_anthropic", "anthropic"),
        ("providers.google", "langchain_google_genai", "google"),
        ("providers.entra", "azure", "azure"),
    ],
)
def test_a_package_that_lacks_is_named_with_its_cure(module: str, package: str, extra: str) -> None:
    """Not a traceback."""
    said = _run(_LACKING.format(package=package, module=module, extra=extra))
    assert said.startswith(f"MODEL={extra}:x needs a package that is not installed\n")
    assert f"pip install --editable '.[{extra}]'" in said
    assert EXTRAS[extra] in said


_LACKING = """
import sys
from bot.runs.outcomes import in_full
from providers.base import Unusable
from providers.options import needed

class Lacking:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "{package}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Lacking())
try:
    needed("{module}", "{extra}", "MODEL={extra}:x")
except Unusable as error:
    print(in_full(error))
"""


def _run(program: str) -> str:
    """What a program in a process of its own prints."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_mistake_of_our_own_is_no_package_that_lacks() -> None:
    """It keeps its traceback."""
    with pytest.raises(ModuleNotFoundError):
        needed("providers.nothing_of_the_kind", "anthropic", "MODEL=x")


def test_the_bot_imports_no_extra_that_nobody_chose() -> None:
    """Nor LangChain's models, nor the list of models, until one is made."""
    heavy = [
        "langchain_openai", "langchain_anthropic", "langchain_google_genai", "anthropic", "azure",
        "google.genai", "genai_prices",
    ]  # fmt: skip
    found = _run(
        f"import sys, bot.cli.run, providers.openai_stream; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert found == "[]"
