"""What a message of the page answers, whether it is an error, and what it was asked instead of."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; nothing of that is known of what was written before."""
    op.add_column("web_messages", sa.Column("about", sa.Text))
    op.add_column("web_messages", sa.Column("failed", sa.Boolean))
    op.add_column("web_messages", sa.Column("instead", sa.BigInteger))
