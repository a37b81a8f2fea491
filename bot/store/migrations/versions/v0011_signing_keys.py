"""The keys by which the page knows its visitors again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; the first process that needs a key makes one."""
    op.create_table(
        "web_keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
    )
