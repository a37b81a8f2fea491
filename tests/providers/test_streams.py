"""Every recorded stream, read each way, however its bytes are cut on the wire."""

from __future__ import annotations

import re

import pytest

from tests.providers.streams import CASES, CUTS, Case, Outcome, outcome
from tests.providers.ways import ADAPTERS, Adapter, ways_of
from tests.servers.openai import PLAYED, STREAMS, stream_file

pytestmark = pytest.mark.real_time

_LARGEST_FOR_SINGLE_BYTES = 6000


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds for a usage that never comes are long for a test."""
    monkeypatch.setattr("providers.langchain.TRAILER_SECONDS", 1.5)
    monkeypatch.setattr("providers.openai_stream.provider.TRAILER_SECONDS", 1.5)


_ORIGIN = re.compile(
    r"captured from \w+|(documented|reported) https://[\w./-]+|constructed(: | after https://)\w+"
)


def _named(case: Case) -> str:
    return case.file


def _read(case: Case) -> list[tuple[Case, str]]:
    """The case with each way to cut it that takes no longer than it is worth."""
    size = stream_file(case.file).stat().st_size
    cuts = [name for name in CUTS if name != "bytes" or size < _LARGEST_FOR_SINGLE_BYTES]
    return [(case, cut) for cut in (cuts if case.then is None else ["whole", "7 bytes"])]


def _agreed(case: Case, told: Outcome) -> None:
    assert [(kind, text) for text, kind in told.tokens] == list(case.tokens)
    answer = [text for kind, text in case.tokens if kind in {"text", "refusal"}]
    assert told.pieces == tuple(answer)
    assert told.count == len(case.tokens)
    assert told.finish == case.finish
    assert told.usage == case.usage
    assert told.error.partition(":")[0] == ("" if case.error is None else case.error.__name__)
    assert told.retry_after == case.retry_after
    assert told.events == ("start", "end" if case.error is None else "error")
    assert "sk-secret" not in told.error


@pytest.mark.parametrize(
    ("case", "cut"),
    [either for case in CASES for either in _read(case)],
    ids=lambda value: value.file if isinstance(value, Case) else value.replace(" ", ""),
)
async def test_each_way_reads_a_stream_as_it_is_meant(case: Case, cut: str) -> None:
    """The same tokens, kinds, ends, usage, model and errors, in the same words."""
    adapter = case.adapters[0]
    first, *others = [await outcome(case, way, adapter, CUTS[cut]) for way in ways_of(adapter)]
    _agreed(case, first)
    assert others == [first for _ in others]


@pytest.mark.parametrize(
    ("case", "adapter"),
    [(case, adapter) for case in CASES for adapter in case.adapters[1:]],
    ids=lambda value: value.file if isinstance(value, Case) else value,
)
async def test_every_adapter_reads_a_stream_alike(case: Case, adapter: Adapter) -> None:
    """Whatever service sends it."""
    first, *others = [await outcome(case, way, adapter) for way in ways_of(adapter)]
    _agreed(case, first)
    assert others == [first for _ in others]


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_a_recorded_stream_says_where_it_comes_from(case: Case) -> None:
    """Captured from a server, documented or reported at an address, or made up."""
    assert _ORIGIN.match(case.origin)


def test_every_recorded_stream_stands_in_the_manifest() -> None:
    """One that nobody expects anything of would test nothing."""
    files = {path.name for folder in (STREAMS, PLAYED) for path in folder.iterdir()}
    files.remove("manifest.json")
    assert files == {case.file for case in CASES}
    assert {adapter for case in CASES for adapter in case.adapters} == set(ADAPTERS)
