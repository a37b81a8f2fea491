"""The files of questions, and how much of an answer a message shows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; rows from before have none of it."""
    for table in ("inbox", "runs"):
        op.add_column(table, sa.Column("files", sa.JSON))
    op.add_column("messages", sa.Column("chars", sa.Integer))
