"""What stood for what in the requests of a run, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "masks",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
    )
