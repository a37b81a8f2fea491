"""What is read of texts and images."""

from __future__ import annotations

import base64
import codecs

import pytest

from bot.attachments import AttachedImage, DocumentReader, FileLimits
from connectors.base import File
from tests.doubles.said import Told

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(20)


async def _read(name: str, data: bytes, limits: FileLimits | None = None) -> Told:
    file = File("1", name, "application/octet-stream", len(data))
    return Told.of(await DocumentReader(limits or FileLimits()).read(file, data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße, 世界 🎈\n".encode(), "Grüße, 世界 🎈\n"),
        (codecs.BOM_UTF8 + "é".encode(), "é"),
        (codecs.BOM_UTF16_LE + "Grüße 🎈".encode("utf-16-le"), "Grüße 🎈"),
        (codecs.BOM_UTF16_BE + "Grüße 🎈".encode("utf-16-be"), "Grüße 🎈"),
        (codecs.BOM_UTF32_LE + "Grüße".encode("utf-32-le"), "Grüße"),
        ("Grüße, schöne Straße".encode("latin-1"), "Grüße, schöne Straße"),
        (b"a,b\r\n1,2\r\n", "a,b\r\n1,2\r\n"),
        (b"\x1b[31mred\x1b[0m\ttab\x0cpage", "\x1b[31mred\x1b[0m\ttab\x0cpage"),
    ],
)
async def test_text_is_read_in_its_encoding(data: bytes, text: str) -> None:
    assert await _read("a.txt", data) == Told(text=text)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "姓名,城市\n张伟,北京\n王芳,上海\n"),
        ("gb18030", "日期,销售额,备注\n2026-01-02,100,已付款\n2026-01-03,250,未付款\n"),
        ("gbk", "名称：苹果，价格：五元。今天的天气很好，我们去公园。"),
        ("big5", "姓名,城市\n陳大文,台北\n"),
        ("big5", "今天天氣很好，我們去公園走走。"),
        ("shift_jis", "名前,都市\n山田太郎,東京\n"),
        ("cp932", "商品,価格\nりんご,120\nみかん,80\n"),
        ("euc_jp", "これはテストです。カタカナとひらがなと漢字。"),
        ("iso2022_jp", "これはテストです。"),
        ("euc_kr", "이름,도시\n김철수,서울\n"),
        ("cp1251", "Имя,Город\nИван,Москва\n"),
        ("koi8_r", "Привет, как дела? Сегодня хорошая погода."),
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1253", "Όνομα,Πόλη\nΓιώργος,Αθήνα\n"),
        ("cp1256", "الاسم,المدينة\nأحمد,القاهرة\n"),
    ],
)
async def test_an_older_encoding_is_told_by_what_is_common_in_it(encoding: str, text: str) -> None:
    assert await _read("a.csv", text.encode(encoding)) == Told(text=text)


@pytest.mark.parametrize(
    ("encoding", "text", "guess"),
    [
        ("cp1252", "“5 €” – naïve", "Windows-1252"),
        ("gb18030", "订单号,金额\n1,20\n2,30\n", "GB18030"),
        ("cp1255", "שם,עיר\nדוד,ירושלים\n", "Windows-1251"),
        ("cp1250", "Jméno,Město\nJiří Dvořák,Plzeň\n", "Windows-1252"),
        ("shift_jis", "ｶﾀｶﾅ,テスト\n", "Shift_JIS"),
    ],
)
async def test_where_several_encodings_would_do_the_reader_is_told_which_was_taken(
    encoding: str, text: str, guess: str
) -> None:
    """A few words look alike in several: whether the guess was right only the reader can see."""
    reading = await _read("a.csv", text.encode(encoding))
    assert reading.note == f"a.csv: read as {guess}, which is a guess", reading


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "big5", "euc_kr", "cp1251"])
@pytest.mark.parametrize("rows", [1, 40, 5_000])
async def test_a_text_is_right_or_its_encoding_is_said_to_be_a_guess(
    encoding: str, rows: int
) -> None:
    words = {
        "gb18030": "产品,数量,备注\n键盘,3,缺货\n",
        "shift_jis": "品名,数量\nキーボード,3\n",
        "big5": "產品,數量\n鍵盤,3\n",
        "euc_kr": "제품,수량\n키보드,3\n",
        "cp1251": "Товар,Количество\nКлавиатура,3\n",
    }
    text = words[encoding] * rows
    reading = await _read("a.csv", text.encode(encoding), FileLimits(characters=10**7))
    assert reading.text == text or reading.note is not None


async def test_a_guess_and_a_cut_are_told_in_one_line() -> None:
    reading = await _read("x.log", ("“5 €” – naïve\n" * 2_000).encode("cp1252"))
    assert reading.note is not None
    assert reading.note.startswith("x.log: the first 20,000 of 28,000 characters, read as ")


async def test_a_log_that_was_cut_within_a_character_stays_utf8() -> None:
    reading = await _read("a.log", "Grüße, schöne Straße, €".encode()[:-1])
    assert reading.text == "Grüße, schöne Straße, \ufffd"


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 4,
        b"\x7fELF\x02\x01\x01" + bytes(50),
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(range(128, 256)),
        b"text, and then\x00a NUL",
        b"\x01\x02\x03\x04\x05\x06",
        b"%PDF-1.7\n1 0 obj\n",
        codecs.BOM_UTF16_LE + b"\x00\xd8\x41\x00",
        codecs.BOM_UTF16_LE + b"abc",
        "no mark".encode("utf-16-le"),
        PNG,
    ],
)
async def test_binary_content_in_a_text_file_is_refused(data: bytes) -> None:
    refused = Told(refusal="a.txt: it is not text, whatever its name says")
    assert await _read("a.txt", data) == refused


@pytest.mark.parametrize("name", ["a.txt", "a.png", "a.pdf"])
async def test_an_empty_file_is_refused(name: str) -> None:
    assert await _read(name, b"") == Told(refusal=f"{name}: it is empty")


async def test_a_text_of_nothing_but_white_space_is_empty() -> None:
    assert (await _read("a.txt", b" \n\t\n")).refusal == "a.txt: it is empty"
    assert (await _read("a.txt", codecs.BOM_UTF8)).refusal == "a.txt: it is empty"


async def test_a_text_as_long_as_the_limit_is_whole_and_a_longer_one_is_cut() -> None:
    whole = await _read("x.log", b"a" * 20_000)
    assert (len(whole.text or ""), whole.note) == (20_000, None)
    cut = await _read("x.log", b"a" * 91_233)
    assert len(cut.text or "") == 20_000
    assert cut.note == "x.log: the first 20,000 of 91,233 characters"


async def test_characters_are_counted_not_bytes() -> None:
    reading = await _read("x.txt", "世界🎈".encode(), FileLimits(characters=3))
    assert reading == Told(text="世界🎈")


async def test_a_file_that_is_larger_than_the_platform_said_is_refused() -> None:
    limits = FileLimits(text_bytes=10)
    assert (await _read("a.txt", b"a" * 10, limits)).text == "a" * 10
    refused = await _read("a.txt", b"a" * 11, limits)
    assert refused == Told(refusal="a.txt: 11 bytes, I take at most 10 bytes")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF87a" + bytes(9), "image/gif"),
        (b"GIF89a" + bytes(9), "image/gif"),
        (WEBP, "image/webp"),
    ],
)
async def test_an_image_is_what_its_bytes_say(data: bytes, media_type: str) -> None:
    reading = await _read("photo.png", data)
    assert reading == Told(image=AttachedImage(media_type, base64.b64encode(data).decode()))


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG", b"RIFF1234WAVE"]
)
async def test_what_only_calls_itself_an_image_is_refused(data: bytes) -> None:
    refused = Told(refusal="photo.png: it is not a PNG, JPEG, GIF or WebP image")
    assert await _read("photo.png", data) == refused


async def test_a_kind_that_cannot_be_read_is_refused() -> None:
    reading = await _read("all.zip", b"PK\x03\x04")
    assert reading == Told(refusal="all.zip: I can't read this kind of file")
