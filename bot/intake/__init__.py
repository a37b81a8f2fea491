"""What comes in: kept before it is acknowledged, answered once, one conversation at a time."""

from bot.intake.access import Access
from bot.intake.conversations import Policy
from bot.intake.intake import Intake
from bot.intake.limits import Limits
from bot.intake.quotas import Limit
from bot.intake.turns import IntakeOptions

__all__ = ["Access", "Intake", "IntakeOptions", "Limit", "Limits", "Policy"]
