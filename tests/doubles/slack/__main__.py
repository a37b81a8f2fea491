"""The double as a process of its own: prints where it listens as one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tests.doubles.slack.limits import Limits
from tests.doubles.slack.server import Slack, slack_server


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--ack-seconds", type=float, default=3.0)
    parser.add_argument("--stream-life", type=float, default=300.0, help="in seconds")
    parser.add_argument("--unmetered", action="store_true", help="without rate limits")
    return parser.parse_args()


def _told(slack: Slack) -> str:
    return json.dumps(
        {
            "url": slack.url,
            "control": f"{slack.root}/_control/",
            "bot_token": slack.bot_token,
            "app_token": slack.app_token,
        }
    )


async def _serve(arguments: argparse.Namespace) -> None:
    limits = Limits().unmetered() if arguments.unmetered else Limits()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with slack_server(
        limits=limits,
        ack_seconds=arguments.ack_seconds,
        stream_life=arguments.stream_life,
        port=arguments.port,
    ) as slack:
        sys.stdout.write(_told(slack) + "\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
