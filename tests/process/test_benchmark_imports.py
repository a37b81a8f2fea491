"""What a model's packages take of memory is measured in processes of their own."""

from __future__ import annotations

import sys

import pytest

from benchmarks.imports import measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def test_the_lean_way_takes_less_and_imports_none_of_langchains_models() -> None:
    """That is what it is for; LangChain's own way does import them."""
    alone, lean, langchain = measure(
        ("Python alone", "`openai`, lean", "`openai`, through LangChain")
    )
    assert lean.langchain == ()
    assert "langchain_openai" in langchain.langchain
    assert alone.rss_mb < lean.rss_mb < langchain.rss_mb
    assert lean.above_mb == pytest.approx(lean.rss_mb - alone.rss_mb, abs=3)
