"""The embedded model, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.doubles.commands import needs_model

_PROGRAM = """
import asyncio, sys, uuid
from providers.base import Generation, Request, Turn
from providers.local import LocalProvider

async def main():
    provider = LocalProvider()
    generation = Generation()
    request = Request((Turn("user", "Hello?"),), max_tokens=5)
    await provider.generate(request, run_id=uuid.uuid4(), callbacks=[], generation=generation)
    print(generation.tokens)
    if "close" in sys.argv:
        await provider.aclose()
    else:
        sys.provider = provider

asyncio.run(main())
"""


@needs_model
@pytest.mark.parametrize("how", ["close", "leave"])
def test_a_process_with_the_model_says_nothing_of_it_and_ends_cleanly(how: str) -> None:
    """Nothing of llama.cpp's on the terminal, no crash at exit, closed or not."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("5\n", "", 0)
