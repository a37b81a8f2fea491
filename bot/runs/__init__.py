"""One message in, one answer out."""

from bot.runs.outcomes import Kind, Outcome, Question
from bot.runs.prompt import RequestOptions
from bot.runs.receipts import as_known, standing, verify
from bot.runs.registry import Loss, Runs, first_loss, within
from bot.runs.run import Result, Run, RunOptions
from bot.runs.usage import Caps, Price, Used, no_price

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
