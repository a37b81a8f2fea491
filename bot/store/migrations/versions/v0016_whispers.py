"""Who alone may see a message of the page, where it is for one person."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; what was written before stays for all to see."""
    op.add_column("web_messages", sa.Column("reader_id", sa.Text))
