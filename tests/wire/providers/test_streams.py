"""Every recorded stream, read each way from a socket: at once, and with nothing whole in it.

How else its bytes may be cut, and how the other adapters read it, is tried without a socket:
`tests/contract/providers/test_streams.py`.
"""

from __future__ import annotations

import pytest

from tests.doubles.providers.streams import CASES, CUTS, Case, agree, carried
from tests.doubles.providers.ways import Adapter, ways_of

pytestmark = pytest.mark.real_time

_TRIED = [
    (case, adapter)
    for case in CASES
    for adapter in (case.adapters[:1] if case.then is None else case.adapters)
]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds for a usage that never comes are long for a test."""
    monkeypatch.setattr("providers.langchain.TRAILER_SECONDS", 1.5)
    monkeypatch.setattr("providers.openai_stream.provider.TRAILER_SECONDS", 1.5)


@pytest.mark.parametrize("cut", ["whole", "7 bytes"])
@pytest.mark.parametrize(
    ("case", "adapter"),
    _TRIED,
    ids=lambda value: value.file if isinstance(value, Case) else value,
)
async def test_each_way_reads_a_stream_as_it_is_meant(
    case: Case, adapter: Adapter, cut: str
) -> None:
    """The same tokens, kinds, ends, usage, model and errors, in the same words."""
    agree(case, [await carried(case, way, adapter, CUTS[cut]) for way in ways_of(adapter)])
