"""Every recorded stream, read each way, however its bytes are cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.openai import PLAYED, STREAMS, stream_file
from tests.doubles.providers.streams import CASES, CUTS, Case, agree, outcome
from tests.doubles.providers.ways import ADAPTERS, Adapter, ways_of

pytestmark = pytest.mark.real_time  # the SDKs use threads

_LARGEST_FOR_SINGLE_BYTES = 6000
_ORIGIN = re.compile(
    r"captured from \w+|(documented|reported) https://[\w./-]+|constructed(: | after https://)\w+"
)
_WHOLE = [case for case in CASES if case.then is None]
"""Those that come to their end; what is cut off needs a connection: `tests/wire/providers`."""


def _named(value: object) -> str:
    return value.file if isinstance(value, Case) else str(value).replace(" ", "")


def _cuts() -> Iterator[Any]:
    """Each case with each way to cut it that takes no longer than it is worth."""
    for case in _WHOLE:
        yield pytest.param(case, "whole")
        small = stream_file(case.file).stat().st_size < _LARGEST_FOR_SINGLE_BYTES
        for cut in CUTS:
            if cut != "whole" and (cut != "bytes" or small):
                yield pytest.param(case, cut, marks=pytest.mark.thorough)


@pytest.mark.parametrize(("case", "cut"), list(_cuts()), ids=_named)
async def test_each_way_reads_a_stream_as_it_is_meant(case: Case, cut: str) -> None:
    """The same tokens, kinds, ends, usage, model and errors, in the same words."""
    adapter = case.adapters[0]
    agree(case, [await outcome(case, way, adapter, CUTS[cut]) for way in ways_of(adapter)])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("case", "adapter"),
    [(case, adapter) for case in _WHOLE for adapter in case.adapters[1:]],
    ids=_named,
)
async def test_every_adapter_reads_a_stream_alike(case: Case, adapter: Adapter) -> None:
    """Whatever service sends it."""
    agree(case, [await outcome(case, way, adapter) for way in ways_of(adapter)])


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
