"""What people have used: quick to count, and from when on it counts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table and the indexes."""
    op.create_table(
        "usage_resets",
        sa.Column("connector", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_runs_person", "runs", ["connector", "person_id", "started_us"])
    op.create_index("ix_runs_workspace", "runs", ["connector", "workspace", "started_us"])
