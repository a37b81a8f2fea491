"""What comes in: kept before it is acknowledged, answered once, one conversation at a time."""

from bot.intake.admission import Access, Policy
from bot.intake.intake import Intake
from bot.intake.queue import IntakeOptions
from bot.intake.quotas import Limit, Quotas

__all__ = ["Access", "Intake", "IntakeOptions", "Limit", "Policy", "Quotas"]
