"""What is read of PDFs: by a process of its own, which ends whatever the file does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zlib
from asyncio.subprocess import Process
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image
from pypdf.generic import NameObject, NumberObject, StreamObject

from bot.attachments import DocumentReader, FileLimits, extraction, pdf_process
from bot.attachments.bounded import Problem, ProcessOutput, understood
from bot.attachments.extraction import Extract
from connectors.base import File
from tests.doubles.said import Told
from tests.process.attachments.pdfs import bomb, encrypted, pdf, pdf_of

pytestmark = pytest.mark.real_time

ROOMY = FileLimits(pdf_seconds=50)
"""The deadline is for hostile files; a machine may be slow."""


async def _read(data: bytes, limits: FileLimits = ROOMY) -> Told:
    file = File("1", "report.pdf", "application/pdf", len(data))
    return Told.of(await DocumentReader(limits).read(file, data))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Process]:
    """The processes that were started."""
    processes: asyncio.Queue[Process] = asyncio.Queue()
    start = asyncio.create_subprocess_exec

    async def noted(*command: str, **options: Any) -> Process:
        process = await start(*command, **options)
        processes.put_nowait(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    return processes


async def test_the_text_of_all_pages_is_read_with_a_blank_line_between() -> None:
    assert await _read(pdf("One.", "Two.")) == Told(text="One.\n\nTwo.")


async def test_pages_up_to_the_limit_are_read_and_the_cut_is_told() -> None:
    limits = FileLimits(pdf_pages=2, pdf_seconds=50)
    assert await _read(pdf("One.", "Two."), limits) == Told(text="One.\n\nTwo.")
    cut = await _read(pdf("One.", "Two.", "Three."), limits)
    assert cut == Told(text="One.\n\nTwo.", note="report.pdf: the first 2 of 3 pages")


async def test_characters_up_to_the_limit_are_read_and_the_cut_is_told() -> None:
    data = pdf("12345", "67890", "never read")
    limits = FileLimits(characters=8, pdf_seconds=50)
    cut = await _read(data, limits)
    assert cut.text == "12345\n\n6"
    assert cut.note == "report.pdf: the first 8 characters, up to page 2 of 3"


async def test_a_text_as_long_as_the_limit_is_whole() -> None:
    limits = FileLimits(characters=5, pdf_seconds=50)
    assert await _read(pdf("12345"), limits) == Told(text="12345")


async def test_an_encrypted_file_is_refused() -> None:
    reading = await _read(encrypted("open sesame"))
    told = "report.pdf: it is encrypted, I can't read it without its password"
    assert reading == Told(refusal=told)


async def test_a_file_that_anybody_may_open_is_read_though_it_is_encrypted() -> None:
    assert await _read(encrypted("")) == Told(text="secret")


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n" + bytes(range(256)) * 50,
        pdf("One.")[:200],
        b"%PDF-1.7\ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n",
        pdf("One.").replace(b"/Pages 2 0 R", b"/Pages 9 0 R"),
    ],
    ids=["only a mark", "noise", "cut", "no objects", "no pages"],
)
async def test_a_broken_file_is_refused(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    reading = await _read(data)
    assert reading == Told(refusal="report.pdf: it is broken, I can't read it")
    assert capfd.readouterr() == ("", "")


async def test_what_only_calls_itself_a_pdf_is_refused() -> None:
    reading = await _read(b"PK\x03\x04" + bytes(100))
    assert reading == Told(refusal="report.pdf: it is not a PDF, whatever its name says")


async def test_a_file_without_text_is_refused() -> None:
    reading = await _read(pdf_of([b"0 0 100 100 re f"]))
    told = "report.pdf: there is no text in it, only images perhaps"
    assert reading == Told(refusal=told)


async def test_the_first_pages_may_have_no_text() -> None:
    limits = FileLimits(pdf_pages=2, pdf_seconds=50)
    reading = await _read(pdf("", "", "Three."), limits)
    assert reading == Told(refusal="report.pdf: no text in the first 2 of its 3 pages")


async def test_damage_that_can_be_mended_is_mended_in_silence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = pdf("One.").replace(b"startxref\n", b"startxref\n9")
    assert (await _read(data)).text == "One."
    assert capfd.readouterr() == ("", "")


async def test_a_page_that_unpacks_without_end_costs_only_itself() -> None:
    text = zlib.compress(b"BT /F1 12 Tf 72 720 Td (Whole.) Tj ET")
    trap = zlib.compress(bytes(25_000_000), 9)
    reading = await _read(pdf_of([text, trap], "/Filter /FlateDecode"))
    assert reading == Told(text="Whole.", note="report.pdf: 1 page can't be read")


async def test_a_file_of_nothing_but_a_bomb_is_refused() -> None:
    assert (await _read(bomb(200_000_000))).refusal == "report.pdf: none of its pages can be read"


async def test_a_bomb_within_a_bomb_is_refused() -> None:
    inner = zlib.compress(bytes(100_000_000), 9)
    twice = pdf_of([zlib.compress(inner, 9)], "/Filter [/FlateDecode /FlateDecode]")
    assert (await _read(twice)).refusal == "report.pdf: none of its pages can be read"


async def test_pages_in_a_circle_end() -> None:
    data = pdf("One.").replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")
    reading = await _read(data)
    assert reading.text is None
    assert reading.refusal


async def test_a_file_that_takes_too_long_is_given_up_and_its_process_ended(
    started: asyncio.Queue[Process],
) -> None:
    reading = await _read(pdf("One."), FileLimits(pdf_seconds=0.001))
    assert reading == Told(refusal="report.pdf: it takes too long to read")
    assert started.get_nowait().returncode is not None


async def test_a_cancelled_reading_ends_its_process(started: asyncio.Queue[Process]) -> None:
    reading = asyncio.create_task(_read(pdf("One.")))
    process = await started.get()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert process.returncode is not None


async def test_no_more_than_two_files_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, most, go_on = 0, 0, asyncio.Event()

    async def counted(_data: bytes, _limits: FileLimits) -> Extract:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await go_on.wait()
        reading -= 1
        return Extract(1, ("One.",))

    monkeypatch.setattr("bot.attachments.documents.read_pdf", counted)
    reader, file = DocumentReader(FileLimits()), File("1", "a.pdf", "", 5)
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(reader.read(file, b"%PDF-"))
        await asyncio.sleep(0)
        go_on.set()
    assert most == 2


async def test_a_process_that_dies_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "dies.py"
    script.write_text("import sys; sys.exit(3)")
    monkeypatch.setattr(extraction, "PDF_SCRIPT", script)
    large = pdf("One.") + b"%" * 1_000_000  # more than a pipe holds
    assert (await _read(large)).refusal == "report.pdf: it takes more memory than I have for it"


async def test_a_process_that_never_ends_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: asyncio.Queue[Process]
) -> None:
    script = tmp_path / "hangs.py"
    script.write_text("while True: pass")
    monkeypatch.setattr(extraction, "PDF_SCRIPT", script)
    reading = await _read(pdf("One."), FileLimits(pdf_seconds=0.2))
    assert reading == Told(refusal="report.pdf: it takes too long to read")
    assert started.get_nowait().returncode is not None


async def test_pages_that_were_read_before_the_deadline_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def late(_data: bytes, _limits: FileLimits) -> Extract:
        return Extract.of(understood(b'{"count": 9}\n{"page": "One."}\n{"pa', late=True))

    monkeypatch.setattr("bot.attachments.documents.read_pdf", late)
    expected = Told(text="One.", note="report.pdf: the first 1 of 9 pages")
    assert await _read(pdf("One.")) == expected


def test_what_was_said_before_the_end_says_why_it_ended() -> None:
    assert understood(b"", late=True).problem is Problem.TOO_SLOW
    assert understood(b'{"count": 2}\n', late=False).problem is Problem.TOO_MUCH
    assert understood(b'{"problem": "encrypted"}\n', late=False).problem is Problem.ENCRYPTED
    done = understood(b'{"count": 1}\n{"page": "a"}\n{"done": true}\n', late=True)
    assert done == ProcessOutput(({"count": 1}, {"page": "a"}, {"done": True}), late=True)


def test_the_bot_itself_never_loads_the_pdf_library() -> None:
    code = "import sys, bot.attachments; sys.exit('pypdf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _scanned(*modes: Literal["RGB", "L", "1"]) -> bytes:
    """Pages that are nothing but images."""
    out = BytesIO()
    first, *rest = (Image.new(mode, (600, 400)) for mode in modes)
    first.save(out, "PDF", save_all=True, append_images=rest)
    return out.getvalue()


async def test_a_scan_is_given_as_its_images_to_a_model_that_sees() -> None:
    data = _scanned("RGB", "L")
    file = File("1", "scan.pdf", "application/pdf", len(data))
    reading = await DocumentReader(ROOMY).read(file, data, sees=True)
    assert [image.media_type for image in reading.images] == ["image/jpeg", "image/jpeg"]
    told = "its text, since its pages are images; the model was given those"
    assert Told.of(reading).note == f"scan.pdf: {told}"
    blind = Told.of(await DocumentReader(ROOMY).read(file, data))
    refusal = "its pages are images, and the model that answers can't see those"
    assert blind == Told(refusal=f"scan.pdf: {refusal}")


async def test_of_a_long_scan_the_first_pages_are_given() -> None:
    data = _scanned("RGB", "RGB", "RGB")
    file = File("1", "scan.pdf", "application/pdf", len(data))
    reading = await DocumentReader(FileLimits(pictures=2, pdf_seconds=50)).read(
        file, data, sees=True
    )
    assert len(reading.images) == 2
    assert "the model was given 2 of 3" in (Told.of(reading).note or "")


@pytest.mark.parametrize(
    ("space", "bits", "mode"), [("RGB", 8, "RGB"), ("Gray", 8, "L"), ("Gray", 1, "1")]
)
def test_plain_pixels_become_a_png(space: str, bits: int, mode: str) -> None:
    picture = Image.linear_gradient("L").resize((300, 250)).convert(mode)
    stream = StreamObject()
    stream.set_data(picture.tobytes())
    packed = stream.flate_encode()
    packed[NameObject("/Width")], packed[NameObject("/Height")] = (
        NumberObject(300),
        NumberObject(250),
    )
    packed[NameObject("/ColorSpace")] = NameObject(f"/Device{space}")
    packed[NameObject("/BitsPerComponent")] = NumberObject(bits)
    made = pdf_process._passed_on(packed)
    assert made is not None
    shown = Image.open(BytesIO(made))
    assert (shown.size, shown.tobytes()) == (picture.size, picture.tobytes())


async def test_a_fax_is_said_to_be_images_that_cannot_be_passed_on() -> None:
    data = _scanned("1")
    assert b"CCITTFaxDecode" in data
    file = File("1", "fax.pdf", "application/pdf", len(data))
    reading = Told.of(await DocumentReader(ROOMY).read(file, data, sees=True))
    told = "its pages are images of a kind that I can't pass on"
    assert reading == Told(refusal=f"fax.pdf: {told}")
