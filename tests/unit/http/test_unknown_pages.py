"""What is nowhere is said on a page to who reads pages, and in a line to programs."""

from __future__ import annotations

from httpx import ASGITransport, AsyncClient

from bot.http import build


async def test_an_unknown_page_is_a_page_that_leads_back() -> None:
    client = AsyncClient(transport=ASGITransport(build([])), base_url="http://127.0.0.1")
    page = await client.get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert '<a href="/">' in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'"
    line = await client.get("/nowhere")
    assert (line.status_code, line.text) == (404, "Not Found")
