"""Small PDFs, made here: whole ones, and ones that no honest program makes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from io import BytesIO

from pypdf import PdfReader, PdfWriter


def pdf(*pages: str) -> bytes:
    """A page for each text."""
    return pdf_of([f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages])


def pdf_of(contents: Sequence[bytes], pack: str = "") -> bytes:
    """A page for each content stream; `pack` is what its dictionary says of its encoding."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * number)
        )
        head = f"<< /Length {len(content)} {pack} >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    return _file(objects)


def bomb(unpacked: int) -> bytes:
    """One page whose content unpacks to so many bytes of white space."""
    packing = zlib.compressobj(9)
    parts = [packing.compress(b" " * 1_000_000) for _ in range(unpacked // 1_000_000)]
    return pdf_of([b"".join(parts) + packing.flush()], "/Filter /FlateDecode")


def encrypted(password: str) -> bytes:
    """One page, to be opened with the password."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf("secret"))))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    count, start = len(objects) + 1, len(out)
    tail = f"trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return bytes(out) + f"xref\n0 {count}\n0000000000 65535 f \n{table}{tail}".encode()
