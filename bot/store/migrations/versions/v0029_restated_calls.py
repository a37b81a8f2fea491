"""An answer that waited for somebody says what was decided, also where its process died first."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds when that is to be said; null where it is said, or nothing is to be. Calls that have not
    ended are found by an index.
    """
    op.add_column("tool_calls", sa.Column("restate_us", sa.BigInteger))
    op.create_index(
        "ix_tool_calls_restate_us",
        "tool_calls",
        ["restate_us"],
        sqlite_where=sa.text("restate_us IS NOT NULL"),
    )
    op.create_index("ix_tool_calls_ended_us", "tool_calls", ["ended_us"])
