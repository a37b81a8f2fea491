"""What the asker alone was told of a run, so that no process tells it again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "whispers",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("claimed_by", sa.String(36), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
