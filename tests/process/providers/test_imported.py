"""What is imported only when it is needed, seen in processes of their own."""

from __future__ import annotations

import subprocess
import sys


def test_the_list_is_imported_only_when_it_is_needed() -> None:
    script = (
        "import sys; from providers.base import Usage; from providers.prices import Prices;"
        "Prices().cost('local:x', '', Usage(1, 1)); sys.exit('genai_prices' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_fetching_imports_nothing_heavy() -> None:
    """It runs before each start."""
    code = (
        "import sys, providers.local; "
        "print({'openai', 'langchain_core', 'structlog', 'xllamacpp'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


_PROGRAM = """
import sys
from providers.openai_stream import openai_provider
openai_provider("gpt-4o-mini", api_key="sk-x")
found = [name for name in sys.modules if name.startswith("langchain")]
print(sorted({".".join(name.split(".")[:2]) for name in found}))
"""


def test_it_imports_none_of_langchains_models() -> None:
    """Nor its messages, which are made when a run begins."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert "langchain_openai" not in done.stdout
    assert "langchain_core.language_models" not in done.stdout
    assert "langchain_core.messages" not in done.stdout
    assert "langchain_core.callbacks" in done.stdout


def test_without_the_setting_opentelemetry_is_not_imported() -> None:
    code = (
        "import sys, bot.app.serve;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
