"""What goes on once a call that waits for a person is decided, and the run that makes the call."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds both columns; of a call without a sender its own run is the sender."""
    op.add_column("tool_calls", sa.Column("loop", sa.Text))
    op.add_column("tool_calls", sa.Column("sender", sa.String(36)))
    op.create_index("ix_tool_calls_sender", "tool_calls", ["sender"])
