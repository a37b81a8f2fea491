"""What a run cost, and which models tried to answer it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; of runs from before nothing is known."""
    op.add_column("runs", sa.Column("cached_input_tokens", sa.BigInteger))
    op.add_column("runs", sa.Column("usage_estimated", sa.Boolean))
    op.add_column("runs", sa.Column("cost_microusd", sa.BigInteger))
    op.add_column("runs", sa.Column("attempts", sa.JSON))
