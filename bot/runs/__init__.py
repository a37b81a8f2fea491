"""One message in, one answer out."""

from bot.runs.making import Maker, Making, Models, Played, RunOptions
from bot.runs.masking import BlockedWords, MaskedRun, Masker, MaskTally
from bot.runs.outcomes import Kind, Outcome, Question, Result
from bot.runs.prompt import RequestOptions
from bot.runs.receipts import as_known, standing, verify
from bot.runs.registry import Loss, Runs, first_loss, within
from bot.runs.run import Run
from bot.runs.usage import Caps, Price, Used, no_price

__all__ = [
    "BlockedWords",
    "Caps",
    "Kind",
    "Loss",
    "Maker",
    "Making",
    "MaskTally",
    "MaskedRun",
    "Masker",
    "Models",
    "Outcome",
    "Played",
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
