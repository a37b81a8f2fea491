"""Hears what is said in a recording, as a script in a process of its own.

Its arguments are the folder of the model, the most seconds of a recording and the most seconds of
CPU time; the recording comes on standard input. It writes one JSON object per line: its `seconds`,
each `heard` phrase, and at last `done` or the `problem`.

It imports nothing of this project, and what it needs only when it runs: that takes a second.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable
from io import BytesIO
from typing import Any

_MEMORY_BYTES = 2_000_000_000
"""Limit of the process's address space (on Linux), most of which the libraries only reserve."""
_RATE = 16_000
"""Samples a second, as the model wants them."""
_UNLIKELY = -1.0
"""Mean log probability of a phrase's tokens below which they are guesses."""
_NO_SPEECH = 0.6
"""Probability of a phrase being no speech above which a guess is none."""
_REPEATED = 2.4
"""Compression ratio above which a phrase only repeats itself, as models do on noise."""


class RecordingTooLong(Exception):
    """The recording is longer than is listened to."""


def main() -> None:
    """Hears the recording and writes what is said in it, phrase by phrase."""
    folder, most, seconds = sys.argv[1], *map(int, sys.argv[2:])
    bound(seconds)
    try:
        samples = decoded(sys.stdin.buffer.read(), most)
        say(seconds=round(len(samples) / _RATE, 1))
        for phrase in phrases(segments(folder, samples)):
            say(heard=phrase)
        say(done=True)
    except RecordingTooLong:
        say(problem="too_long")
    except MemoryError:
        say(problem="too_much")
    except Exception:  # noqa: BLE001 - a broken file raises anything
        say(problem="broken")


def bound(seconds: int) -> None:
    """Silences warnings, keeps the libraries off the network, and sets the system's limits."""
    warnings.simplefilter("ignore")
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def decoded(data: bytes, most: int) -> Any:
    """The samples of a recording as one channel, decoded only as far as it is listened to.

    Raises `RecordingTooLong`.
    """
    import av  # type: ignore[import-not-found]
    import numpy  # type: ignore[import-not-found]

    parts, count = [], 0
    with av.open(BytesIO(data), metadata_errors="ignore") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray().reshape(-1))
                count += parts[-1].size
            if count > most * _RATE:
                raise RecordingTooLong
    if not parts:
        return numpy.zeros(0, numpy.float32)
    return numpy.concatenate(parts).astype(numpy.float32) / 32768.0


def segments(folder: str, samples: Any) -> Iterable[Any]:
    """What the model finds, where there is a voice at all."""
    if not len(samples):
        return ()
    from faster_whisper import WhisperModel  # type: ignore[import-not-found]

    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)
    found: Iterable[Any]
    found, _ = model.transcribe(
        samples,
        language=None if model.model.is_multilingual else "en",
        beam_size=5,
        vad_filter=True,
        condition_on_previous_text=False,
    )
    return found


def phrases(found: Iterable[Any]) -> Iterable[str]:
    """The phrases that are no guesses at noise."""
    for each in found:
        guess = each.avg_logprob < _UNLIKELY
        if (guess and each.no_speech_prob > _NO_SPEECH) or each.compression_ratio > _REPEATED:
            continue
        if any(character.isalnum() for character in each.text):
            yield each.text.strip()


def say(**line: Any) -> None:
    """Writes a line."""
    print(json.dumps(line), flush=True)  # noqa: T201 - this is what the process is for


if __name__ == "__main__":
    main()
