"""A conversation as a file: what stands on the page, for who sees it there."""

from __future__ import annotations

import json

import pytest

from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.signing import signed
from tests.doubles.page import SECRET_KEY, part
from tests.wire.web.test_access import Answer, call
from tests.wire.web.test_connector import HERE

pytestmark = pytest.mark.real_time


async def export(address: str, name: str) -> Answer:
    """Asks for a file as a browser does."""
    cookie = f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, 'person-ann')}"
    return await call(address, "GET", f"/export/{name}", {"Cookie": cookie})


async def test_it_comes_as_markdown_and_as_json(connector: WebConnector, address: str) -> None:
    await connector.post(HERE, part("The **sky** scatters light."), "k")
    read = await export(address, f"{HERE.channel}.md")
    assert read.status == 200
    assert read.headers["content-type"] == "text/markdown; charset=utf-8"
    assert read.headers["content-disposition"] == (
        'attachment; filename="everytoken-conversation.md"'
    )
    assert read.headers["cache-control"] == "no-store"
    assert "The **sky** scatters light." in read.body
    kept = json.loads((await export(address, f"{HERE.channel}.json")).body)
    (message,) = kept["messages"]
    assert (message["text"], message["by_bot"]) == ("The **sky** scatters light.", True)


@pytest.mark.parametrize("name", ["conversation-1.exe", "..%2Fsecrets.md", "conversation-1."])
@pytest.mark.usefixtures("connector")
async def test_another_form_or_no_name_is_nothing(address: str, name: str) -> None:
    assert (await export(address, name)).status == 404


async def test_a_conversation_that_nobody_had_is_empty(address: str) -> None:
    kept = json.loads((await export(address, "conversation-9.json")).body)
    assert kept == {"messages": []}
