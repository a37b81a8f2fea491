"""Several models as one: what fails is tried again, elsewhere, or gone on with."""

from providers.failover.chain import ChainProvider
from providers.failover.course import Patience

__all__ = ["ChainProvider", "Patience"]
