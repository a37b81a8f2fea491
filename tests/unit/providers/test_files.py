"""Files that models make are found in whatever form their services send them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.base import Generation, MadeFile
from providers.files import files_in
from providers.openai_stream.protocols import ResponsesReader

DATA = base64.b64encode(b"\x89PNG picture").decode()
PNG = MadeFile("image/png", DATA)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
        {"type": "image_url", "image_url": f"data:image/png;base64,{DATA}"},
        {"type": "image", "base64": DATA, "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"},
        {
            "type": "image",
            "source": {"type": "base64", "data": DATA, "media_type": "image/png"},
        },
        {"type": "inline_data", "inline_data": {"data": DATA, "mime_type": "image/png"}},
        {"type": "media", "data": DATA, "mime_type": "image/png"},
        {"type": "image_generation_call", "id": "ig_1", "result": DATA},
    ],
    ids=lambda block: ",".join(block),
)
def test_a_block_with_a_file_is_found(block: dict[str, Any]) -> None:
    assert list(files_in([{"type": "text", "text": "Here:"}, block])) == [PNG]


@pytest.mark.parametrize(
    "content",
    [
        "text",
        None,
        [{"type": "text", "text": DATA}],
        [{"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}],
        [{"type": "image", "url": "file:///etc/passwd"}],
        [{"type": "image_generation_call", "id": "ig_1", "result": None}],
        ["image"],
    ],
    ids=str,
)
def test_what_is_only_named_or_is_no_file_is_none(content: Any) -> None:
    assert list(files_in(content)) == []


def test_an_image_of_the_responses_api_counts_once_though_it_comes_twice() -> None:
    generation = Generation()
    reader = ResponsesReader(generation)
    item = {"type": "image_generation_call", "id": "ig_1", "result": DATA, "output_format": "webp"}
    partial = {"type": "response.image_generation_call.partial_image", "partial_image_b64": "xx"}
    assert reader.take(partial) == []
    reader.take({"type": "response.output_item.added", "item": {**item, "result": None}})
    reader.take({"type": "response.output_item.done", "item": item})
    reader.take(
        {"type": "response.completed", "response": {"status": "completed", "output": [item]}}
    )
    assert generation.files == [MadeFile("image/webp", DATA)]
    assert generation.finish_reason == "stop"
