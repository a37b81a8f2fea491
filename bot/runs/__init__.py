"""One message in, one answer out."""

from bot.runs.caps import Caps
from bot.runs.history import RequestOptions
from bot.runs.links import Loss, first_loss
from bot.runs.outcomes import Outcome
from bot.runs.question import Kind, Question
from bot.runs.registry import Runs, within
from bot.runs.run import Result, Run, RunOptions
from bot.runs.standing import as_known, standing
from bot.runs.usage import Price, Used, no_price
from bot.runs.verification import verify

__all__ = [
    "Caps",
    "Kind",
    "Loss",
    "Outcome",
    "Price",
    "Question",
    "RequestOptions",
    "Result",
    "Run",
    "RunOptions",
    "Runs",
    "Used",
    "as_known",
    "first_loss",
    "no_price",
    "standing",
    "verify",
    "within",
]
