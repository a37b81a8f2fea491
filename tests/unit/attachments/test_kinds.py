"""What kind of file something is."""

from __future__ import annotations

import pytest

from bot.attachments import FileKind, kind_of
from connectors.base import File


def _kind(name: str, media_type: str) -> FileKind:
    return kind_of(File("1", name, media_type, 10))


@pytest.mark.parametrize(
    "name",
    [
        *("main.py", "App.TSX", "prog.go", "lib.rs", "Main.java", "core.c", "core.hpp", "run.sh"),
        *("query.sql", "a.json", "ci.yaml", "Cargo.toml", "drawing.svg"),
        *("notes.md", "server.log", "fix.diff", "README", "Dockerfile", "Makefile"),
        *(".gitignore", ".env"),
    ],
)
def test_source_code_and_data_are_text_whatever_type_the_platform_gives(name: str) -> None:
    assert _kind(name, "application/octet-stream") is FileKind.TEXT
    assert _kind(name, "") is FileKind.TEXT


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("data.csv", FileKind.TABLE),
        ("data.TSV", FileKind.TABLE),
        ("page.html", FileKind.HTML),
        ("page.htm", FileKind.HTML),
        ("letter.docx", FileKind.DOCX),
        ("figures.XLSX", FileKind.XLSX),
        ("macros.xlsm", FileKind.XLSX),
    ],
)
def test_documents_are_told_by_their_names(name: str, kind: FileKind) -> None:
    assert _kind(name, "application/octet-stream") is kind


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.jpeg", "a.gif", "a.webp"])
def test_the_images_that_models_take_are_images(name: str) -> None:
    assert _kind(name, "application/octet-stream") is FileKind.IMAGE


def test_a_name_outweighs_a_wrong_type() -> None:
    assert _kind("app.ts", "video/mp2t") is FileKind.TEXT
    assert _kind("sheet.csv", "application/vnd.ms-excel") is FileKind.TABLE
    assert _kind("report.pdf", "text/plain") is FileKind.PDF
    assert _kind("photo.png", "text/plain") is FileKind.IMAGE


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", FileKind.IMAGE),
        ("IMAGE/JPEG", FileKind.IMAGE),
        ("image/heic", FileKind.OTHER),
        ("application/pdf", FileKind.PDF),
        ("text/plain; charset=utf-8", FileKind.TEXT),
        ("text/x-anything", FileKind.TEXT),
        ("text/html; charset=utf-8", FileKind.HTML),
        ("text/csv", FileKind.TABLE),
        ("application/json", FileKind.TEXT),
        ("application/vnd.api+json", FileKind.TEXT),
        ("application/zip", FileKind.OTHER),
        ("application/octet-stream", FileKind.OTHER),
        ("video/mp4", FileKind.OTHER),
        ("", FileKind.OTHER),
    ],
)
def test_the_type_decides_where_the_name_says_nothing(media_type: str, kind: FileKind) -> None:
    assert _kind("upload", media_type) is kind
    assert _kind("upload.unheardof", media_type) is kind


def test_archives_and_older_office_files_cannot_be_read() -> None:
    assert _kind("all.zip", "application/zip") is FileKind.OTHER
    assert _kind("logs.txt.gz", "application/gzip") is FileKind.OTHER
    assert _kind("letter.doc", "application/msword") is FileKind.OTHER
    assert _kind("slides.pptx", "application/vnd.ms-powerpoint") is FileKind.OTHER


def test_a_name_that_only_contains_an_extension_is_not_of_that_kind() -> None:
    assert _kind("pdf", "application/zip") is FileKind.OTHER
    assert _kind("txt.exe", "application/octet-stream") is FileKind.OTHER
