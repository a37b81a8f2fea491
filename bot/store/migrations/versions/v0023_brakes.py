"""What admins have stopped for now, everywhere or in a place."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "brakes",
        sa.Column("what", sa.String(32), primary_key=True),
        *(
            sa.Column(name, sa.Text, primary_key=True)
            for name in ("connector", "workspace", "channel", "thread")
        ),
        sa.Column("approver", sa.Text),
        sa.Column("since_us", sa.BigInteger, nullable=False),
    )
