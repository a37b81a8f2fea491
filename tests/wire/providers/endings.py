"""Which cut answers look whole: `make bench ONLY=endings`.

Every finish word that a service documents (`tests/doubles/payloads/endings.json`, each with its
source), 100 random words, and errors at every level of a chunk that looks like a last one. Each is
served over a real socket, after "Half an answer", and read four ways: the openai SDK's bare loop,
LangChain's `astream`, and the bot, lean and through LangChain. For the first two an answer looks
whole where the loop ends as it does after a whole answer: nothing is raised. For the bot, where the
run is `complete`. The table in `docs/providers.md` is written from it, and `test_endings.py` holds
it current.
"""

from __future__ import annotations

import json
import random
import string
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.runs import outcomes
from providers.base import ProviderError
from tests.contract.provider import Told, ask
from tests.doubles import anthropic, google
from tests.doubles import openai as wire
from tests.doubles.openai import STREAMS, Answer, OpenAIServer
from tests.doubles.providers.ways import RESPONSES, Adapter, Way, at, ways_of
from tests.unit.providers.table import line

BEGIN = "<!-- table: make bench ONLY=endings -->\n"
SEED = 13
TEXT = "Half an answer"

Reader = Callable[[OpenAIServer, str], Any]
OUTCOMES = ("whole", "length", "filtered", "failed")


@dataclass(frozen=True)
class Ending:
    """One way to end: a word, and what it says of the answer; `acts` end the stream."""

    word: str
    meaning: str
    acts: tuple[bytes, ...]


@dataclass(frozen=True)
class Service:
    """A service and its endings."""

    name: str
    adapter: Adapter
    model: str
    source: str
    endings: tuple[Ending, ...]
    compared: str = ""
    """Where else the words were found, and compared."""

    @property
    def cut(self) -> list[Ending]:
        """The endings of which the answer is not whole."""
        return [ending for ending in self.endings if ending.meaning != "whole"]


@dataclass
class Seen:
    """What one way made of a service's endings: its outcome for each, in order."""

    told: list[str]

    def whole(self, service: Service) -> int:
        """Cut answers that look whole."""
        pairs = zip(service.endings, self.told, strict=True)
        return sum(one == "complete" for ending, one in pairs if ending.meaning != "whole")


def services() -> list[Service]:
    """Those that document their words, random words, and errors."""
    told = json.loads((STREAMS.parent / "endings.json").read_text())
    return [*map(_documented, told), _random(), _errors()]


def _documented(told: dict[str, Any]) -> Service:
    adapter, model = told["adapter"], told.get("model", "gpt-4o-mini")
    endings = [
        Ending(word, meaning, _acts(adapter, model, word))
        for meaning in OUTCOMES
        for word in told.get(meaning, ())
    ]
    compared = told.get("compared", "")
    return Service(told["service"], adapter, model, told["source"], tuple(endings), compared)


def _random() -> Service:
    chance = random.Random(SEED)  # noqa: S311 - words, no secrets
    words = [
        "".join(chance.choices(string.ascii_letters + "_-: ", k=chance.randint(1, 24)))
        for _ in range(100)
    ]
    endings = tuple(Ending(word, "failed", tuple(_chat(word))) for word in words)
    return Service("100 random words", "compatible", "any", "", endings)


def _errors() -> Service:
    error = {"code": 502, "message": "upstream"}
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    done = b"data: [DONE]\n\n"
    chunks: dict[str, list[bytes]] = {
        "in the chunk": [wire.event({"choices": [choice], "error": error}), done],
        "as a text": [wire.event({"choices": [choice], "error": "upstream"}), done],
        "in the choice": [wire.event({"choices": [{**choice, "error": error}]}), done],
        "in the delta": [
            wire.event({"choices": [{**choice, "delta": {"content": "", "error": error}}]}),
            done,
        ],
        "in base_resp": [
            wire.event({"choices": [choice], "base_resp": {"status_code": 1013}}),
            done,
        ],
        "in x_groq": [wire.event({"choices": [choice], "x_groq": {"error": "over"}}), done],
        "in an event named error": [b"event: error\n" + wire.event({"choices": [choice]}), done],
        "after the finish reason": [wire.chunk({}, "stop"), wire.event({"error": error})],
        "as a chunk": [wire.chunk({}, "stop"), wire.event({"object": "error", "message": "up"})],
    }
    endings = tuple(Ending(where, "failed", tuple(acts)) for where, acts in chunks.items())
    return Service("errors beside `stop`", "compatible", "any", "", endings)


# What each service sends.


def _acts(adapter: Adapter, model: str, word: str) -> tuple[bytes, ...]:
    if adapter == "anthropic":
        return tuple(anthropic.finish(word))
    if adapter == "google":
        return tuple(google.finish(word))
    return tuple(_response(word) if model == RESPONSES else _chat(word))


def _chat(word: str) -> Sequence[bytes]:
    return [wire.chunk({}, word), b"data: [DONE]\n\n"]


def _response(word: str) -> Sequence[bytes]:
    """The last event of a response: its status, or why it is incomplete."""
    status = word if word in {"completed", "incomplete", "cancelled", "failed"} else "incomplete"
    event = "response." + (status if status in {"incomplete", "failed"} else "completed")
    details = {"reason": word} if status != word else None
    error = {"code": "server_error", "message": "upstream"} if status == "failed" else None
    response = {**_RESPONSE, "status": status, "incomplete_details": details, "error": error}
    return [_event(event, response=response)]


def _event(name: str, **data: Any) -> bytes:
    return f"event: {name}\n".encode() + wire.event({"type": name, "sequence_number": 1, **data})


_RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5-pro", "output": [],
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {},
}  # fmt: skip
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def _opening(service: Service) -> Sequence[bytes]:
    if service.adapter == "anthropic":
        return [anthropic.opening(), *anthropic.texts(TEXT)]
    if service.adapter == "google":
        return google.texts(TEXT)
    if service.model == RESPONSES:
        return [_event("response.output_text.delta", delta=TEXT, logprobs=[], **_PLACE)]
    return wire.text(TEXT)


@asynccontextmanager
async def _served(service: Service) -> AsyncIterator[OpenAIServer]:
    """A server that ends its answers one after the other as the service does."""
    answers = [Answer([*_opening(service), *ending.acts]) for ending in service.endings]
    async with OpenAIServer(*answers) as server:
        yield server


# How each way reads it.


async def everytoken(service: Service, way: Way) -> Seen | None:
    """As the bot ends its run; None where it does not read the service so."""
    if way not in ways_of(service.adapter):
        return None
    async with _served(service) as server:
        provider = at(server, way, service.adapter, model=service.model, stall_seconds=50)
        found = [_ended(await ask(provider), ending) for ending in service.endings]
        await provider.aclose()
    return Seen(found)


def _ended(told: Told, ending: Ending) -> str:
    """The outcome; whatever it is, the text is kept, and what is not whole has a note."""
    error, generation = told.error, told.generation
    ended = outcomes.finished(generation) if error is None else outcomes.failed(error)
    assert generation.text == told.heard.text == TEXT, ending
    assert (ended.note is None) == (ended.outcome == "complete"), ending
    return str(ended.outcome)


async def openai_sdk(service: Service) -> Seen | None:
    """The loop of the SDK's documentation; None where the service speaks another protocol."""
    if service.adapter in {"anthropic", "google"}:
        return None
    import openai

    async with (
        _served(service) as server,
        openai.AsyncOpenAI(api_key="sk-x", base_url=server.url, max_retries=0) as client,
    ):
        create: Any = client.chat.completions.create
        asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello?"}]}
        if service.model == RESPONSES:
            create, asked = client.responses.create, {"input": "Hello?"}

        async def read() -> None:
            async for _ in await create(model=service.model, stream=True, **asked):
                pass

        return Seen([await _told(read, openai.APIError) for _ in service.endings])


async def langchain(service: Service) -> Seen:
    """LangChain's own classes, as they come; what they warn of, no reader sees."""
    async with _served(service) as server:
        chat = _chat_model(service, server)

        async def read() -> None:
            async for _ in chat.astream("Hello?"):
                pass

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Seen([await _told(read, Exception) for _ in service.endings])


def _chat_model(service: Service, server: OpenAIServer) -> Any:
    known: dict[str, Any] = {"model": service.model, "api_key": "sk-x", "max_retries": 1}
    if service.adapter == "anthropic":
        from langchain_anthropic import ChatAnthropic

        return ChatAnthropic(base_url=server.root, **known)
    if service.adapter == "google":
        from langchain_google_genai import ChatGoogleGenerativeAI

        return ChatGoogleGenerativeAI(base_url=server.root, **known)
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(base_url=server.url, **known)


async def _told(read: Callable[[], Any], errors: type[Exception]) -> str:
    try:
        await read()
    except (errors, ProviderError):
        return "failed"
    return "complete"


# The table.


@dataclass(frozen=True)
class Row:
    """A service, and what each way made of it."""

    service: Service
    seen: tuple[Seen | None, ...]


async def rows(most: int | None = None) -> list[Row]:
    """Every service, or the first ones, read four ways."""
    return [
        Row(
            service,
            (
                await openai_sdk(service),
                await langchain(service),
                await everytoken(service, "lean"),
                await everytoken(service, "langchain"),
            ),
        )
        for service in services()[:most]
    ]


def table(found: Sequence[Row]) -> str:
    """The rows as Markdown, and their sum."""
    head = (
        "service", "words for whole", "for all else", "openai SDK's loop", "LangChain",
        "**Everytoken**, lean", "**Everytoken**, LangChain",
    )  # fmt: skip
    lines = [line(head), line(["---", "---", "---", *["---:"] * 4])]
    lines += [line(_cells(row)) for row in found]
    sums = [_sum(found, n) for n in range(4)]
    lines.append(line(["**cut answers that look whole**", "", "", *sums]))
    return "\n".join([*lines, ""])


def _cells(row: Row) -> list[str]:
    service = row.service
    name = f"[{service.name}]({service.source})" if service.source else service.name
    name += f" ([compared]({service.compared}))" if service.compared else ""
    if len(service.cut) > 50:
        words = [name, "", f"drawn with seed {SEED}"]
    else:
        words = [name, *(_words(service, whole=whole) for whole in (True, False))]
    cut = len(service.cut)
    return [*words, *("" if s is None else f"{s.whole(service)} of {cut}" for s in row.seen)]


def _words(service: Service, *, whole: bool) -> str:
    words = [ending.word for ending in service.endings if (ending.meaning == "whole") == whole]
    return ", ".join(f"`{word}`" if service.source else word for word in words)


def _sum(found: Sequence[Row], way: int) -> str:
    looks, cut = whole(found, way)
    return f"**{looks} of {cut}**"


def whole(found: Sequence[Row], way: int) -> tuple[int, int]:
    """How many cut answers look whole to one of the four ways, and of how many."""
    seen = [(row.service, row.seen[way]) for row in found]
    looks = sum(each.whole(service) for service, each in seen if each is not None)
    return looks, sum(len(service.cut) for service, each in seen if each is not None)
