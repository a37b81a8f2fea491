"""When each message of the page was changed: other processes show it too."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; what was written before is not shown anew."""
    op.add_column(
        "web_messages", sa.Column("changed_us", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_index("web_messages_changed_us", "web_messages", ["changed_us"])
