"""Server-sent events, cut anywhere."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from providers.chunks import EventReader, parsed


def read(*received: bytes) -> list[bytes]:
    """The events in some bytes that come one after the other."""
    reader = EventReader()
    return [event for some in received for event in reader.feed(some)]


def test_lines_may_end_in_each_of_the_three_ways() -> None:
    """LF, CR and CRLF; none of them makes an event of its own."""
    for end in (b"\n", b"\r", b"\r\n"):
        assert read(b"data: a" + end + end + b"data: b" + end + end) == [b"a", b"b"]


def test_a_crlf_that_comes_in_two_is_one_line_end() -> None:
    """Otherwise its second half would end the event."""
    assert read(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]


def test_several_data_lines_are_one_event() -> None:
    """Joined by a line feed, as the standard says."""
    assert read(b"data: a\ndata:b\ndata:  c\n\n") == [b"a\nb\n c"]


def test_what_carries_no_data_is_no_event() -> None:
    """Comments, names, ids, empty data, blank lines."""
    assert read(b": hi\n\nevent: ping\n\nid: 7\nretry: 1\n\n\n\ndata:\n\ndata\n\n") == []


def test_an_event_without_its_empty_line_never_comes() -> None:
    """It may have been cut anywhere."""
    assert read(b"data: a\n\ndata: b\n") == [b"a"]


_LINES = st.sampled_from(
    [b"data: a", b"data: {}", b"data:\xf0\x9f\x98\x80", b"", b"", b": x", b"event: e", b"id: 1"]
)
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(_LINES, _ENDS)), st.lists(st.integers(0, 200)))
def test_where_the_bytes_are_cut_changes_nothing(
    lines: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    """Whatever the network does with them."""
    body = b"".join(line + end for line, end in lines)
    edges = [0, *sorted({cut for cut in cuts if cut < len(body)}), len(body)]
    pieces = [body[start:end] for start, end in pairwise(edges)]
    assert read(*pieces) == read(body)


def test_json_is_read_as_the_standard_library_reads_it() -> None:
    """What the fast reader refuses, and Python's own writes, is no reason to lose a token."""
    assert parsed(b'{"a": "\\ud83d", "b": [1, null]}') == {"a": "\ud83d", "b": [1, None]}
    assert parsed(b'{"a": Infinity}') == {"a": float("inf")}
