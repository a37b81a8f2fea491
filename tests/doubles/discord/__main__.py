"""`python -m tests.doubles.discord`: the double as a process of its own.

Prints one line of JSON with its addresses, the bot's token and the ids, then serves until it gets
SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tests.doubles.discord.limits import Limits
from tests.doubles.discord.server import TOKEN, DiscordServer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.doubles.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--channels", type=int, default=1, help="text channels of the guild")
    parser.add_argument("--window", choices=["fixed", "sliding"], default="fixed")
    parser.add_argument("--unlimited", action="store_true", help="no limit that can be off")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    limits = Limits.off() if options.unlimited else Limits(window=options.window)
    server = DiscordServer(limits=limits, token=options.token)
    people, channels = server.people, [server.people.general.id]
    names = [f"channel-{number}" for number in range(2, options.channels + 1)]
    channels += [server.platform.add_channel(people.guild, name).id for name in names]
    stop = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    await server.start(options.port)
    about = {
        "rest": server.url,
        "gateway": server.gateway_url,
        "control": server.control_url,
        "token": server.token,
        "bot": server.platform.bot.id,
        "guild": people.guild.id,
        "channels": channels,
        "users": [people.alice.id, people.bob.id],
    }
    sys.stdout.write(json.dumps(about) + "\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        await server.aclose()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
