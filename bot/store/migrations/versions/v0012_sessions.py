"""Who has logged in to the page or the inspector."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; sessions from before were in no table, and are over."""
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("area", sa.Text, primary_key=True),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
    )
    op.create_index("web_sessions_until_us", "web_sessions", ["until_us"])
    op.create_index("web_sessions_person_id", "web_sessions", ["person_id"])
