"""Which of OpenAI's models take images, as far as that can be told by their names."""

from __future__ import annotations

import re

_SEEING = re.compile(r"gpt-(4o|4\.1|4-turbo|5|6)|o1|o3(?!-mini)|o4")
_BLIND = re.compile(r".*(audio|realtime|transcribe|tts|search|-mini-preview|o1-mini|o1-preview)")


def sees_images(model: str) -> bool:
    """Whether the model is known to take images; no where it isn't known."""
    return bool(_SEEING.match(model)) and not _BLIND.match(model)
