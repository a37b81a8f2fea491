"""A message of Discord's is one question, whichever thread a process would answer it in."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_DISCORD = sa.text("connector = 'discord'")


def upgrade() -> None:
    """Adds the index; of rows that name one message twice, the later ones get another name."""
    op.execute(
        """
        UPDATE inbox SET message_id = message_id || '#' || id
        WHERE connector = 'discord' AND EXISTS (
            SELECT 1 FROM inbox AS earlier
            WHERE earlier.connector = inbox.connector AND earlier.workspace = inbox.workspace
            AND earlier.channel = inbox.channel AND earlier.message_id = inbox.message_id
            AND earlier.id < inbox.id
        )
        """
    )
    op.create_index(
        "uq_inbox_discord_message",
        "inbox",
        ["connector", "workspace", "channel", "message_id"],
        unique=True,
        sqlite_where=_DISCORD,
        postgresql_where=_DISCORD,
    )
