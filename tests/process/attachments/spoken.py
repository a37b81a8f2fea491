"""`python -m tests.process.attachments.spoken [PYTHON]`: spoken questions are heard, offline.

PYTHON is that of an environment with the extra `voice` (`make voice` makes one). espeak-ng speaks;
`everytoken ask --file` hears, where nothing but this machine can be reached; the model that answers
is a double. A line each: whether the words that matter were heard, whether the receipt is verified
and what the model was asked; then silence, noise and three hours; then what the extra costs. The
exit code is 1 where anything is not as it has to be.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bot.attachments import silence
from tests.doubles.commands import ROOT, asks, whole
from tests.doubles.openai import OpenAIServer

SPOKEN = (
    ("What is the capital of France?", ("capital", "france")),
    ("How many days are in a year?", ("days", "year")),
    ("Who wrote the book about Robinson Crusoe?", ("wrote", "book", "robinson")),
    ("Please tell me something about the history of Germany.", ("history", "germany")),
    ("What is the weather like in London in winter?", ("weather", "london", "winter")),
)
"""What is said, and which words matter."""
_TO_OPUS = """
import sys, av
read, made = av.open(sys.argv[1]), av.open(sys.argv[2], "w", format="ogg")
stream = made.add_stream("libopus", rate=48000)
stream.layout = "mono"
resampler = av.AudioResampler(format="s16", layout="mono", rate=48000)
frames = [*read.decode(audio=0), None]
for piece in (piece for frame in frames for piece in resampler.resample(frame)):
    made.mux(stream.encode(piece))
made.mux(stream.encode(None))
made.close()
"""
_OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
"""A proxy that isn't there: what would reach further than this machine fails."""


@dataclass(frozen=True)
class Ran:
    """An `ask` that has ended; `megabytes` are the most of any of its processes."""

    code: int
    err: str
    result: dict[str, object]
    seconds: float
    megabytes: float


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command


class Spoken:
    """Speaks and asks, in a folder of its own."""

    def __init__(self, python: str, folder: Path, server: OpenAIServer) -> None:
        self._python = python
        self._folder = folder
        self._server = server
        self.wrong = 0

    def check(self, what: str, right: bool, told: str) -> None:
        """Prints a line, and counts what is wrong."""
        self.wrong += not right
        _say(f"{'ok   ' if right else 'WRONG'} {what}: {told}")

    async def ask(self, *arguments: str, voice: str = "local") -> Ran:
        """Asks, with these settings and no others."""
        settings = {**asks(self._server), **_OFFLINE, "NO_PROXY": "127.0.0.1"}
        settings |= {"DATA_DIR": str(self._folder), "VOICE": voice, "PATH": os.environ["PATH"]}
        command = [self._python, "-m", "bot", "ask", "--json", *arguments]
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: ASYNC220 - it is waited for by its usage below
            command,
            cwd=self._folder,
            env={**settings, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            out, err, usage = await asyncio.to_thread(_ended, child)
        result = json.loads(out) if out.strip() else {}
        seconds = time.perf_counter() - began
        return Ran(child.returncode, err, result, seconds, usage.ru_maxrss / 1024)

    def question(self) -> str:
        """What the model was last asked."""
        said = self._server.exchanges[-1].body["messages"][-1]["content"]
        return str(said)

    def _spoken(self, number: int, words: str) -> Path:
        wav, ogg = (self._folder / f"q{number}.{form}" for form in ("wav", "ogg"))
        speak = ["espeak-ng", "-v", "en-us", "-s", "130", "-w", str(wav), words]
        subprocess.run(speak, check=True)
        subprocess.run([self._python, "-c", _TO_OPUS, str(wav), str(ogg)], check=True)
        return ogg

    async def hears(self, number: int, words: str, matter: tuple[str, ...]) -> Ran:
        """One question, spoken by espeak-ng, as a voice message would be sent."""
        ogg = await asyncio.to_thread(self._spoken, number, words)
        ran = await self.ask("--file", str(ogg))
        heard = self.question().lower() if ran.code == 0 else ""
        receipt = ran.result.get("receipt")
        verified = isinstance(receipt, dict) and receipt["verdict"] == "verified"
        right = ran.code == 0 and verified and all(word in heard for word in matter)
        self.check(f"“{words}”", right, f"heard “{heard}”, {ran.seconds:.1f} s {ran.err[-200:]}")
        return ran

    async def refuses(self, name: str, recording: bytes, told: str) -> None:
        """A recording without a question in it."""
        path = self._folder / name
        path.write_bytes(recording)
        ran = await self.ask("--file", str(path))
        self.check(name, ran.code != 0 and told in ran.err + str(ran.result), told)

    async def costs(self, spoken: Ran) -> None:
        """What the extra costs where it listens, where it could, and where it isn't wanted."""
        off = await self.ask("Why?", voice="")
        idle = await self.ask("Why?")
        for what, ran in (("VOICE unset", off), ("VOICE=local, nothing to hear", idle)):
            self.check(what, ran.code == 0, f"{ran.megabytes:.0f} MB, {ran.seconds:.1f} s")
        told = f"{spoken.megabytes:.0f} MB in a process of its own, {spoken.seconds:.1f} s in all"
        self.check("VOICE=local, a spoken question", spoken.megabytes < 600, told)


def _ended(child: subprocess.Popen[str]) -> tuple[str, str, resource.struct_rusage]:
    out, err = _read(child)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return out, err, usage


def _read(child: subprocess.Popen[str]) -> tuple[str, str]:
    assert child.stdout is not None
    assert child.stderr is not None
    return child.stdout.read(), child.stderr.read()


def noise(seconds: int) -> bytes:
    """A recording of noise: silence, with other samples."""
    made = bytearray(silence(seconds))
    chance = random.Random(1)  # noqa: S311 - the same each time
    samples = range(44, len(made), 2)
    made[44:] = b"".join(struct.pack("<h", int(chance.gauss(0, 3000))) for _ in samples)
    return bytes(made)


def three_hours() -> bytes:
    """Ogg/Opus that says it is three hours long."""
    head = b"OggS\0\x02" + bytes(22) + b"OpusHead\x01\x01" + bytes(100)
    return head + b"OggS\0\x04" + struct.pack("<Q", 3 * 3600 * 48_000) + bytes(14)


async def main(python: str) -> int:
    """Everything; 1 where something is not as it has to be."""
    with tempfile.TemporaryDirectory() as folder:
        async with OpenAIServer(whole("Yes", ".")) as server:
            spoken = Spoken(python, Path(folder), server)
            for number, (words, matter) in enumerate(SPOKEN):
                last = await spoken.hears(number, words, matter)
            await spoken.refuses("silence.wav", silence(5), "I heard no words in it")
            await spoken.refuses("noise.wav", noise(5), "I heard no words in it")
            await spoken.refuses("hours.ogg", three_hours(), "it is longer than 120 seconds")
            await spoken.refuses("long.wav", silence(121), "it is longer than 120 seconds")
            await spoken.costs(last)
    return 1 if spoken.wrong else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else sys.executable)))
