"""The Slack workspaces that installed the app."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "slack_installations",
        sa.Column("team", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("installed_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "slack_oauth_states",
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("used_us", sa.BigInteger, nullable=False),
    )
