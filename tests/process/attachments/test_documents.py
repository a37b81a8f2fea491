"""Hostile documents: each ends in a plain sentence, within bounds, and nothing is fetched."""

from __future__ import annotations

import asyncio
import sys

import pytest

from bot.attachments import DocumentReader, FileLimits
from connectors.base import File
from tests.doubles.office import part_of, saved, with_parts, word, workbook
from tests.doubles.said import Told

pytestmark = pytest.mark.real_time

ROOMY = FileLimits(pdf_seconds=50)


async def _read(name: str, data: bytes, limits: FileLimits = ROOMY) -> Told:
    file = File("1", name, "application/octet-stream", len(data))
    return Told.of(await DocumentReader(limits).read(file, data))


async def test_documents_are_read_in_a_process() -> None:
    found = await asyncio.gather(
        _read("a.docx", saved(word("Words."))),
        _read("a.xlsx", saved(workbook(S=[["a", 1]]))),
        _read("a.html", f"<p>{'word ' * 8_000}".encode(), FileLimits(characters=30_000)),
    )
    assert found[0] == Told(text="Words.")
    assert found[1] == Told(text="## Sheet S\n\n| a | 1 |\n| --- | --- |")
    told = "a.html: its markup; the first 30,000 of 39,999 characters"
    assert found[2] == Told(text=("word " * 8_000)[:30_000], note=told)


async def test_short_html_is_given_as_it_is() -> None:
    assert await _read("a.html", b"<p>Hi") == Told(text="<p>Hi")


async def test_a_page_is_read_in_the_encoding_that_it_names() -> None:
    data = "<meta charset=shift_jis><p>テスト</p>".encode("shift_jis")
    assert (await _read("a.html", data)).text == "<meta charset=shift_jis><p>テスト</p>"


async def test_a_table_is_cut_between_rows() -> None:
    data = b'n,word\n1,"a\nb"\n2,cc\n3,dd\n'
    reading = await _read("a.csv", data, FileLimits(characters=20))
    assert reading == Told(text='n,word\n1,"a\nb"\n2,cc\n', note="a.csv: the first 3 of 4 rows")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "a.docx",
            b"plain text",
            "it is no Word document or Excel workbook, whatever its name says",
        ),
        ("a.xlsx", b"PK\x03\x04" + bytes(50), "it is broken, I can't read it"),
        ("a.docx", saved(workbook(S=[[1]])), None),
        ("a.xlsx", saved(word("x")), None),
        ("a.docx", saved(word("x"))[:900], "it is broken, I can't read it"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"),
            "it is encrypted, I can't read it without its password",
        ),
        ("a.docx", saved(word()), "there is no text in it, only images perhaps"),
        (
            "../../<b>.docx",
            with_parts(saved(word("x")), {"word/x.bin": bytes(120_000_000)}),
            "it takes more memory than I have for it",
        ),
    ],
    ids=["text", "noise", "workbook", "document", "cut", "encrypted", "blank", "bomb"],
)
async def test_what_cannot_be_read_is_said_in_a_sentence(
    name: str, data: bytes, told: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    reading = await _read(name, data)
    assert (reading.text, reading.image) == (None, None)
    assert reading.refusal is not None
    assert told is None or reading.refusal.endswith(f": {told}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
async def test_entities_that_multiply_are_not_unpacked() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]>'
    data = saved(word("MARK"))
    body = part_of(data, "word/document.xml").decode().partition("?>")[2]
    reading = await _read(
        "a.docx",
        with_parts(data, {"word/document.xml": (head + body.replace("MARK", "&l9;")).encode()}),
    )
    assert reading.text is None or len(reading.text) < 10


async def test_nothing_that_a_document_refers_to_is_fetched() -> None:
    visits = 0

    async def visited(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0)
    at = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        document = word("MARK")
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        document.part.relate_to(f"{at}/t.dotx", f"{office}/attachedTemplate", is_external=True)
        document.part.relate_to(f"{at}/i.png", f"{office}/image", is_external=True)
        data = saved(document)
        body = part_of(data, "word/document.xml").decode().partition("?>")[2]
        head = (
            f'<?xml version="1.0"?><!DOCTYPE d SYSTEM "{at}/d.dtd" [<!ENTITY x SYSTEM "{at}/x">]>'
        )
        xml = (head + body.replace("MARK", "seen &x;")).encode()
        page = f'<link rel=stylesheet href="{at}/s.css"><img src="{at}/i.png"><iframe src="{at}">'
        await _read("a.docx", data)
        await _read("a.docx", with_parts(data, {"word/document.xml": xml}))
        await _read("a.html", (page + "<p>word " * 10_000).encode())
    assert visits == 0


async def test_a_document_that_takes_too_long_is_given_up() -> None:
    reading = await _read("a.docx", saved(word("x")), FileLimits(pdf_seconds=0.001))
    assert reading == Told(refusal="a.docx: it takes too long to read")
