"""Tools: MCP servers, who has to allow a call, and how one is made at most once.

The SDK of the protocol is imported by `session` alone, and that only once a server is needed.
"""

from bot.tools.caller import Caller, KeepFiles, MadeCall, OnEnd
from bot.tools.config import IMAGES, ServerConfig, canonical, load_servers
from bot.tools.connection import CallDeclined, CallLost, CallNotSent, ServerConnection, ServerDown
from bot.tools.loop import Toolbox, ToolDetail, ToolLoop, ToolOptions, Waits
from bot.tools.policy import (
    Decision,
    ToolInfo,
    Wanted,
    arguments_of,
    binding_of,
    decide,
    in_words,
    may_decide,
    only_reads,
)
from bot.tools.results import (
    ToolAnswer,
    as_data,
    earlier_calls,
    harmless,
    made_file,
    result_of,
)
from bot.tools.saved import LoopNotKept, SavedLoop
from bot.tools.servers import Servers
from bot.tools.tally import CallTally

__all__ = [
    "IMAGES",
    "CallDeclined",
    "CallLost",
    "CallNotSent",
    "CallTally",
    "Caller",
    "Decision",
    "KeepFiles",
    "LoopNotKept",
    "MadeCall",
    "OnEnd",
    "SavedLoop",
    "ServerConfig",
    "ServerConnection",
    "ServerDown",
    "Servers",
    "ToolAnswer",
    "ToolDetail",
    "ToolInfo",
    "ToolLoop",
    "ToolOptions",
    "Toolbox",
    "Waits",
    "Wanted",
    "arguments_of",
    "as_data",
    "binding_of",
    "canonical",
    "decide",
    "earlier_calls",
    "harmless",
    "in_words",
    "load_servers",
    "made_file",
    "may_decide",
    "only_reads",
    "result_of",
]
