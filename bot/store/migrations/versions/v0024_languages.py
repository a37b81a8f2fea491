"""The language of who asked, and that of what the bot said with an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; rows of earlier versions are in English."""
    op.add_column("inbox", sa.Column("person_language", sa.String(35)))
    op.add_column("runs", sa.Column("language", sa.String(8)))
