"""One message in, one answer out."""

from bot.runs.history import RequestOptions
from bot.runs.links import Loss, first_loss
from bot.runs.outcomes import Outcome
from bot.runs.question import Kind, Question
from bot.runs.registry import Runs, within
from bot.runs.run import Result, Run, RunOptions
from bot.runs.standing import as_known, standing
from bot.runs.verification import verify

__all__ = [
    "Kind",
    "Loss",
    "Outcome",
    "Question",
    "RequestOptions",
    "Result",
    "Run",
    "RunOptions",
    "Runs",
    "as_known",
    "first_loss",
    "standing",
    "verify",
    "within",
]
