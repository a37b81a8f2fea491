"""What must not leave: values become placeholders before a service sees them, and are restored
while its answer streams.
"""

from __future__ import annotations

from providers.masking.kinds import Finders
from providers.masking.masks import Masks
from providers.masking.provider import MaskedProvider, Masking

__all__ = ["Finders", "MaskedProvider", "Masking", "Masks"]
