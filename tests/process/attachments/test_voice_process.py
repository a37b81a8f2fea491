"""Recordings are heard by a process of its own; here by a double that is as strict as the real one.

What the real one hears is tried out by `make voice`, in an environment with the model.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.attachments import LocalTranscriber, NotHeard, silence, voice
from bot.words import english

pytestmark = pytest.mark.real_time

_DOUBLE = """
import json, pathlib, sys

def say(**line):
    print(json.dumps(line), flush=True)

folder, most, cpu = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
assert pathlib.Path(folder).is_dir() and cpu > most > 0, sys.argv
assert sys.flags.safe_path
data = sys.stdin.buffer.read()
if data[:4] != b"RIFF":
    say(problem="broken")
else:
    seconds = (len(data) - 44) / 32000
    if seconds > most:
        say(problem="too_long")
    else:
        say(seconds=seconds)
        for word in HEARD:
            say(heard=word)
        END
"""


def _script(path: Path, heard: list[str], end: str = "say(done=True)") -> Path:
    path.write_text(_DOUBLE.replace("HEARD", repr(heard)).replace("END", end))
    return path


async def _heard(folder: Path, data: bytes, seconds: int = 5) -> str:
    try:
        return await LocalTranscriber(folder, seconds).transcribe(data)
    except NotHeard as error:
        return english(error.why)


async def test_phrases_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _script(tmp_path / "double.py", ["What is", "the capital?"])
    monkeypatch.setattr(voice, "VOICE_SCRIPT", script)
    assert await _heard(tmp_path, silence(1)) == "What is the capital?"
    assert await _heard(tmp_path, b"OggS" + bytes(99)) == "it is broken, I can't read it"


async def test_a_process_that_dies_in_the_middle_has_heard_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a question would be answered as if it were one."""
    monkeypatch.setattr(
        voice, "VOICE_SCRIPT", _script(tmp_path / "dies.py", ["Half"], "sys.exit(3)")
    )
    assert await _heard(tmp_path, silence(1)) == "it takes more memory than I have for it"


async def test_without_the_model_the_process_itself_says_that_it_is_broken(tmp_path: Path) -> None:
    assert await _heard(tmp_path, silence(1)) == "it is broken, I can't read it"
