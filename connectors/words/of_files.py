"""The sentences about the files of an answer."""

from __future__ import annotations

OF_FILES: dict[str, str] = {
    # The line that stands where a file was made.
    "out.made": "File: {name} ({size})",
    "out.bytes": "{count:,} bytes",
    # Of a file, why it is not shown.
    "out.not_shown": "Not shown: the file {name}: {why}",
    "out.perhaps": "Perhaps not shown: the file {name}: {why}",
    "out.empty": "it is empty",
    "out.too_many": "the answer has more files than I send",
    "out.too_large": "it is larger than I send",
    "out.too_large_here": "it is larger than can be sent here",
    "out.nowhere": "files can't be shown here",
    "out.no_answer": "the answer that it belongs to is not there",
    "out.refused": "it was refused here",
    "out.late": "it was not taken in time",
    "out.unconfirmed": "nobody can say whether it arrived, and it is not sent twice",
    "out.not_kept": "what is done with it can't be recorded",
    "out.gone": "its content was deleted",
    # What the model is told of the files that its tool made.
    "out.given": "[shown to the reader as a file: {names}]",
    # The receipt.
    "count.file": "{count} file",
    "count.files": "{count} files",
    "files.below": "{receipt} · {files}",
    "files.whole": "{count}: made = recorded = shown",
    "files.partly": "{count}: {recorded} recorded, {shown} shown",
}
