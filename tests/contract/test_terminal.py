"""The terminal: append-only, and honest about what it has written."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Gone, MessageRef, Part, Refused
from connectors.terminal import CORRECTION, TerminalConnector
from tests.contract.connector import ConnectorContract, Harness, Question, growing
from tests.contract.connector import part as any_part


def part(text: str, *, last: bool = True) -> Part:
    """A part in which an answer ends, or one that still grows."""
    return any_part(text) if last else growing(text)


@asynccontextmanager
async def opened() -> AsyncIterator[Harness]:
    folder = TemporaryDirectory()
    connector = TerminalConnector(io.StringIO(), folder=Path(folder.name) / "out")

    async def ask(text: str) -> Question:
        incoming = connector.ask(text)
        return Question(incoming.event.message, incoming.accepted)

    try:
        yield Harness(
            connector,
            connector.place,
            ask,
            reads=False,
            remembers=False,
            rewrites=False,
            longest=False,
        )
    finally:
        await connector.aclose()
        folder.cleanup()


class TestContract(ConnectorContract):
    """A platform that shows one person one growing text."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened()


async def written(*parts: Part) -> str:
    """What stands on the terminal after a post and edits."""
    out = io.StringIO()
    connector = TerminalConnector(out)
    first, *rest = parts
    shown = await connector.post(connector.place, first, "key")
    for each in rest:
        shown = await connector.edit(shown.ref, each)
    return out.getvalue()


async def test_a_part_that_grows_no_more_is_written_to_its_end() -> None:
    """Another one follows it."""
    whole = any_part("One", last=False)
    assert await written(part("One", last=False), whole) == "One\n"


async def test_a_growing_answer_is_written_as_it_grows() -> None:
    out = io.StringIO()
    connector = TerminalConnector(out)
    ref = (await connector.post(connector.place, part("One", last=False), "key")).ref
    assert (await connector.edit(ref, part("One, two", last=False))).text == out.getvalue() == "One"
    shown = await connector.edit(ref, part("One, two, three", last=False))
    assert shown.text == out.getvalue() == "One, two"
    shown = await connector.edit(ref, part("One, two, three."))
    assert shown.text == "One, two, three."
    assert out.getvalue() == "One, two, three.\n"


async def test_marks_that_close_the_text_for_the_moment_are_never_written() -> None:
    texts = ["**bo**", "**bold**", "**bold** and `co`", "**bold** and `code`"]
    parts = [part(text, last=False) for text in texts]
    whole = "**bold** and `code`, then\n```py\nx = 1\n```"
    fence = part("**bold** and `code`, then\n```py\nx =\n```", last=False)
    assert await written(*parts, fence, part(whole)) == f"{whole}\n"


async def test_the_same_text_again_writes_nothing() -> None:
    out = await written(part("**a**", last=False), part("**a**", last=False), part("**a b**"))
    assert out == "**a b**\n"


async def test_an_answer_that_was_not_an_extension_is_written_again_in_full() -> None:
    parts = [part("One two", last=False), part("One two three", last=False), part("Another")]
    assert await written(*parts) == f"One two{CORRECTION}Another\n"


async def test_a_text_that_is_mended_after_its_end_is_written_again_in_full() -> None:
    assert await written(part("One"), part("One, two")) == f"One\n{CORRECTION}One, two\n"


async def test_a_version_that_does_not_extend_what_is_written_waits_for_the_end() -> None:
    parts = [part("One two", last=False), part("One two x", last=False), part("Else", last=False)]
    assert await written(*parts, part("One two x y")) == "One two x y\n"


async def test_an_earlier_version_that_comes_after_the_end_writes_nothing() -> None:
    earlier = [part("One two", last=False), part("One two three", last=False)]
    assert await written(part("One"), *earlier) == "One\n"


async def test_what_is_shown_is_what_was_written() -> None:
    out = io.StringIO()
    connector = TerminalConnector(out)
    shown = await connector.post(connector.place, part("One", last=False), "key")
    for text in ("One t", "On", "One two", "One two t", "One"):
        shown = await connector.edit(shown.ref, part(text, last=False))
        assert shown.text == out.getvalue()


@given(st.text(alphabet="ab*`\n", max_size=30), st.lists(st.integers(1, 5), max_size=8))
def test_a_stream_that_only_grows_is_written_exactly(text: str, steps: list[int]) -> None:
    ends = [sum(steps[:i]) for i in range(len(steps))]
    growing = [part(text[:end], last=False) for end in ends]
    out = asyncio.run(written(*growing, part(text)))
    assert out == f"{text}\n"


async def test_two_answers_stand_on_lines_of_their_own() -> None:
    out = io.StringIO()
    connector = TerminalConnector(out)
    await connector.post(connector.place, part("One"), "1")
    await connector.post(connector.place, part("Two"), "2")
    assert out.getvalue() == "One\nTwo\n"


@pytest.mark.parametrize(
    ("sent", "safe"),
    [
        ("\x1b[2Jgone", "␛[2Jgone"),
        ("bell\x07", "bell␇"),
        ("hidden\rshown", "hidden␍shown"),
        ("line\r\nline", "line\r\nline"),
        ("\x7f\x9b31m", "␡\ufffd31m"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
async def test_a_text_can_not_steer_the_terminal(sent: str, safe: str) -> None:
    assert await written(part(sent)) == f"{safe}\n"


async def test_without_a_stream_the_answer_is_kept_only() -> None:
    connector = TerminalConnector(None)
    shown = await connector.post(connector.place, part("One"), "key")
    assert shown.text == "One"


class BrokenPipe(io.StringIO):
    """A stream whose reader went away."""

    def flush(self) -> None:
        raise BrokenPipeError


async def test_a_broken_pipe_says_that_the_reader_is_gone() -> None:
    connector = TerminalConnector(BrokenPipe())
    with pytest.raises(Gone):
        await connector.post(connector.place, part("One"), "key")


async def test_a_closed_stream_says_that_the_reader_is_gone() -> None:
    out = io.StringIO()
    connector = TerminalConnector(out)
    shown = await connector.post(connector.place, part("One", last=False), "key")
    out.close()
    with pytest.raises(Gone):
        await connector.edit(shown.ref, part("One, two"))


async def test_a_terminal_that_lacks_the_characters_refuses_the_text(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        connector = TerminalConnector(out)
        with pytest.raises(Refused):
            await connector.post(connector.place, part("Größe"), "key")


async def test_a_terminal_can_not_be_read_back() -> None:
    connector = TerminalConnector()
    shown = await connector.post(connector.place, part("One"), "key")
    with pytest.raises(Refused):
        await connector.read(shown.ref)


async def test_an_edit_of_what_was_never_posted_says_that_it_is_gone() -> None:
    connector = TerminalConnector()
    with pytest.raises(Gone):
        await connector.edit(MessageRef(connector.place, "answer-9"), part("One"))


async def test_a_closed_terminal_takes_nothing() -> None:
    connector = TerminalConnector()
    await connector.aclose()
    with pytest.raises(Gone):
        await connector.probe()
    with pytest.raises(Gone):
        await connector.post(connector.place, part("One"), "key")
