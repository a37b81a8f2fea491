"""What is read of Word documents, workbooks and pages of HTML."""

from __future__ import annotations

import json
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from bot.attachments import office_process
from bot.attachments.bounded import understood
from bot.attachments.extraction import Extract
from tests.doubles.office import part_of, saved, with_parts, word, workbook

Capture = pytest.CaptureFixture[str]
_BODY = "word/document.xml"


def _read(form: str, data: bytes, capsys: Capture, most: int = 20_000) -> Extract:
    office_process.read(form, data, office_process.Writer(most), 10)
    office_process.say(done=True)
    return Extract.of(understood(capsys.readouterr().out.encode(), late=False))


def _edited(data: bytes, old: str, new: str) -> bytes:
    """A Word document whose XML says something else."""
    body = part_of(data, _BODY).decode()
    assert old in body
    return with_parts(data, {_BODY: body.replace(old, new).encode()})


def test_paragraphs_headings_and_lists_are_read_in_order(capsys: Capture) -> None:
    document = word()
    document.add_heading("Plan", 1)
    document.add_paragraph("First words.")
    document.add_heading("Part", 2)
    document.add_paragraph("a\tb")
    found = _read("docx", saved(document), capsys)
    assert found.text == "# Plan\n\nFirst words.\n\n## Part\n\na\tb"
    assert found.characters == len(found.text)
    assert found.problem is None


def test_a_table_of_a_document_stays_a_table(capsys: Capture) -> None:
    data = saved(word("Before.", rows=[["Name", "Sum"], ["A|B", "1\n2"]]))
    table = "| Name | Sum |\n| --- | --- |\n| A\\|B | 1<br>2 |"
    assert _read("docx", data, capsys).text == f"Before.\n\n{table}"


def test_merged_cells_keep_the_columns_apart(capsys: Capture) -> None:
    document = word(rows=[["", "", "c"], ["1", "2", "3"]])
    row = document.tables[0].rows[0].cells
    row[0].merge(row[1]).text = "ab"
    assert _read("docx", saved(document), capsys).text.startswith("| ab |  | c |\n")


def test_what_tracked_changes_insert_is_read_and_what_they_delete_is_not(capsys: Capture) -> None:
    data = saved(word("kept MARK"))
    changed = (
        '</w:t></w:r><w:ins w:id="1"><w:r><w:t>new</w:t></w:r></w:ins>'
        '<w:del w:id="2"><w:r><w:delText>old</w:delText></w:r></w:del><w:r><w:t>'
    )
    assert _read("docx", _edited(data, "MARK", changed), capsys).text == "kept new"


def test_content_controls_and_text_boxes_are_read(capsys: Capture) -> None:
    data = saved(word("MARK"))
    inside = "<w:p><w:r><w:t>seen</w:t></w:r></w:p>"
    control = (
        f"</w:t></w:r></w:p><w:sdt><w:sdtContent>{inside}</w:sdtContent></w:sdt>"
        "<w:p><w:r><w:pict><w:txbxContent>"
        "<w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></w:pict><w:t>"
    )
    text = _read("docx", _edited(data, "MARK", control), capsys).text
    assert text.split() == ["seen", "boxed"]


def test_headers_and_notes_follow_the_body(capsys: Capture) -> None:
    document = word("Body.")
    document.sections[0].header.paragraphs[0].text = "Letterhead"
    assert _read("docx", saved(document), capsys).text == "Body.\n\n[header]\n\nLetterhead"


def test_a_long_document_is_cut_and_the_whole_length_is_known(capsys: Capture) -> None:
    found = _read("docx", saved(word(*["ten chars."] * 50)), capsys, most=100)
    assert (len(found.text), found.characters) == (101, 50 * 12 - 2)


def test_a_document_of_nothing_but_images_gives_these(capsys: Capture) -> None:
    picture = BytesIO()
    Image.new("RGB", (40, 30)).save(picture, "PNG")
    document = word()
    document.add_picture(BytesIO(picture.getvalue()))
    found = _read("docx", saved(document), capsys)
    assert (found.text, found.pictures, len(found.images)) == ("", 1, 1)


def test_the_sheets_of_a_workbook_are_tables(capsys: Capture) -> None:
    book = workbook(
        Sales=[["Item", "Sum", "Paid", "On"], ["Tea", 2.50, True, date(2026, 1, 2)]],
        Empty=[],
        Notes=[[None, "x"], [], ["at", datetime(2026, 1, 2, 3, 4)]],
    )
    found = _read("xlsx", saved(book), capsys)
    assert found.text == (
        "## Sheet Sales\n\n| Item | Sum | Paid | On |\n| --- | --- | --- | --- |\n"
        "| Tea | 2.5 | TRUE | 2026-01-02 |\n\n"
        "## Sheet Notes\n\n|  | x |\n| --- | --- |\n| at | 2026-01-02 03:04:00 |"
    )
    assert found.count == 3


def test_a_formula_that_was_never_computed_is_read_as_such(capsys: Capture) -> None:
    book = workbook(S=[[1, 2, "=A1+B1"]])
    assert "| 1 | 2 | =A1+B1 |" in _read("xlsx", saved(book), capsys).text


def test_a_formula_is_read_as_its_value(capsys: Capture) -> None:
    data = saved(workbook(S=[[1, 2, "=A1+B1"]]))
    sheet = "xl/worksheets/sheet1.xml"
    computed = part_of(data, sheet).replace(b"<v></v>", b"<v>3</v>").replace(b"<v/>", b"<v>3</v>")
    assert "| 1 | 2 | 3 |" in _read("xlsx", with_parts(data, {sheet: computed}), capsys).text


def test_a_hidden_sheet_is_said_to_be_hidden(capsys: Capture) -> None:
    book = workbook(A=[[1]], B=[[2]])
    book["B"].sheet_state = "hidden"
    assert "## Sheet B (hidden)" in _read("xlsx", saved(book), capsys).text


def test_a_long_workbook_tells_up_to_which_row_it_was_read(capsys: Capture) -> None:
    book = workbook(A=[["n"]], B=[[number] for number in range(1000)])
    found = _read("xlsx", saved(book), capsys, most=200)
    assert len(found.text) == 201
    assert (found.sheet, found.count) == (2, 2)
    assert 10 < found.row < 30


def test_a_sheet_that_claims_millions_of_cells_is_read_quickly(capsys: Capture) -> None:
    data = saved(workbook(S=[["a"]]))
    sheet = "xl/worksheets/sheet1.xml"
    lies = part_of(data, sheet).replace(b'ref="A1"', b'ref="A1:XFD1048576"')
    assert "| a |" in _read("xlsx", with_parts(data, {sheet: lies}), capsys).text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<title>T</title><body><h2>A</h2><p>b <b>c</b>\n d", "# T\n\n## A\n\nb c d"),
        ("<ul><li>one<li>two</ul>", "- one\n\n- two"),
        (
            "<table><tr><th>a<th>b<tr><td>1<td>2|3</table>",
            "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |",
        ),
        ("<pre>x\n  y</pre>", "```\nx\n  y\n```"),
        ("a<script>b()</script><style>c</style>d", "ad"),
        ('<a href="https://x.example/">here</a>', "here (https://x.example/)"),
        ('<a href="javascript:x()">here</a>', "here"),
        ('<img src="https://x.example/t.gif" alt="A cat">', "[image: A cat]"),
        ("<table><tr><td><p>a<td><table><tr><td>1<td>2</table></table>", None),
        ("<!doctype html><!-- no --><p>x</p>", "x"),
    ],
)
def test_a_page_is_read_as_what_it_says(source: str, text: str | None, capsys: Capture) -> None:
    found = _read("html", f"<html>{source}".encode(), capsys)
    assert found.text == (text or "a\n\n| 1 | 2 |\n| --- | --- |")


def test_a_page_that_nests_without_end_is_read_or_refused(capsys: Capture) -> None:
    _read("html", b"<div>" * 3_000 + b"deep", capsys)


def test_a_bomb_is_refused_by_what_it_would_unpack_to() -> None:
    bomb = with_parts(saved(word("x")), {"word/media/x.bin": bytes(120_000_000)})
    assert len(bomb) < 200_000
    with pytest.raises(office_process.TooMuch):
        office_process.read("docx", bomb, office_process.Writer(100), 10)


def test_every_line_is_json_whatever_the_text(capsys: Capture) -> None:
    _read("docx", saved(word("a\u2028b", "\U0001f388")), capsys)
    office_process.Writer(10).text("\ud83d\ude00\udfff")
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said == {"chunk": "\U0001f600\ufffd"}
