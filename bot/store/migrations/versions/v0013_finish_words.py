"""What a service itself says about an answer's end: its word, beside our reading of it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; runs that ended before have no word."""
    op.add_column("runs", sa.Column("finish_word", sa.String(64)))
