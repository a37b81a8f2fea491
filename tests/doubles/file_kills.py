"""Kills processes while they send the files of an answer: `make filekills N=200`.

Each round is played on virtual time: an answer with two files, on a platform on which sharing an
upload twice shows it twice. The process dies somewhere between the first upload and the end of the
run; another one takes over.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import sys
from collections import Counter

from bot import logs
from providers.scripted import CallTool
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.painter import PNG, Painter, a_toolbox, image
from tests.unit.recovery.world import World, a_world

FIRST, SECOND = ["I paint.", CallTool("art__paint", {})], ["Here they are."]
CONTENTS = {"paint.png": PNG, "paint-2.png": PNG + b"2"}
FILES = [image(content) for content in CONTENTS.values()]


async def killed(seed: int) -> World:
    """One round; the seed decides when the process dies, and how slow the platform is."""
    chance = random.Random(seed)  # noqa: S311 - it only has to vary
    latency = chance.choice([0.02, 0.1, 0.5])
    async with a_world() as world:
        toolbox = a_toolbox(Painter(FILES))
        first = await world.start(FIRST, SECOND, latency=latency, toolbox=toolbox)
        await first.ask("Paint.")
        await world.until(lambda: any(call.name == "upload" for call in world.platform.calls), 60)
        await asyncio.sleep(chance.uniform(0, 12 * latency))
        world.kill(first)
        await world.start(latency=latency, toolbox=toolbox)
        await world.recovered()
        return world


def ends(world: World) -> list[str]:
    """What became of each file: `shown`, `told`, or what must never be."""
    text = "\n".join(world.shown)
    return [_end(world, text, name, content) for name, content in CONTENTS.items()]


def _end(world: World, text: str, name: str, content: bytes) -> str:
    uploads = [upload for _, upload, shown in world.platform.attached if shown == name]
    if len(uploads) > 1:
        return "doubled"
    if not uploads:
        return "told" if f"hown: the file {name}" in text else "lost"
    seen = hashlib.sha256(world.platform.uploads[uploads[0]]).digest()
    return "shown" if seen == hashlib.sha256(content).digest() else "changed"


def main() -> int:
    """Prints what became of the files; 1 where one was doubled, changed or lost in silence."""
    logs.set_up("critical", "console")
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    counted: Counter[str] = Counter()
    kills = parser.parse_args().kills
    for seed in range(kills):
        loop = VirtualTimeLoop()
        try:
            world = loop.run_until_complete(killed(seed))
        finally:
            loop.close()
        counted.update(ends(world))
    sys.stdout.write(
        f"{kills} kills, {len(CONTENTS)} files each: {dict(sorted(counted.items()))}\n"
    )
    return int(any(counted[wrong] for wrong in ("doubled", "changed", "lost")))


if __name__ == "__main__":
    sys.exit(main())
