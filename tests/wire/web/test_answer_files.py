"""Files of answers on the page: images are shown, anything else is saved, nothing is ever run."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import AnswerFile
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.signing import signed
from connectors.web.uploads import handed_out
from tests.doubles.page import ABOUT, SECRET_KEY, part, serving
from tests.wire.web.test_access import Answer, call
from tests.wire.web.test_connector import ELSEWHERE, HERE

pytestmark = pytest.mark.real_time

PAGE = b"<script>alert(1)</script>"


async def fetched(address: str, path: str, person: str = "person-ann") -> Answer:
    """What a visitor gets at a path."""
    cookie = f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, person)}"
    return await call(address, "GET", path, {"Cookie": cookie})


async def test_a_file_is_handed_out_once_its_answer_has_it(engine: AsyncEngine) -> None:
    connector = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,))
    file = AnswerFile.of("page.html", "text/html", PAGE)
    async with serving(connector) as address:
        ref = (await connector.post(HERE, part("Look"), "key")).ref
        upload = await connector.upload(ref, file)
        path = f"/files/{HERE.channel}/{upload}"
        assert (await fetched(address, path)).status == 404
        await connector.attach(ref, file, upload)
        await connector.attach(ref, file, upload)
        answer = await fetched(address, path)
        assert (answer.status, answer.body) == (200, PAGE.decode())
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert (await fetched(address, f"/files/{ELSEWHERE.channel}/{upload}")).status == 404
        assert (await call(address, "GET", path)).status == 404
        found = await connector.attached(ref, file, upload)
        assert found is not None
        assert found.sha256 == file.sha256


@pytest.mark.parametrize(
    ("media_type", "drawn"),
    [
        ("image/png", True),
        ("image/webp", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("application/pdf", False),
        ("application/javascript", False),
        ("image/png; charset=x\r\nX-Evil: 1", False),
    ],
)
def test_only_plain_images_are_drawn_and_no_name_breaks_out(media_type: str, drawn: bool) -> None:
    answer = handed_out('a"\r\nX-Evil: 1; b.png', media_type, b"content")
    how = answer.headers["content-disposition"]
    assert how.startswith("inline; " if drawn else "attachment; ")
    assert answer.headers["content-type"] == (media_type if drawn else "application/octet-stream")
    assert "x-evil" not in answer.headers
    assert "\n" not in how
