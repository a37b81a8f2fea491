"""Which process answers in a conversation, what processes tell each other, and what each serves."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PLACE = ("connector", "workspace", "channel", "thread")


def upgrade() -> None:
    """Makes the tables; a process from before is not known to serve any connector."""
    op.add_column("processes", sa.Column("connectors", sa.JSON))
    op.create_table(
        "floors",
        *(sa.Column(name, sa.Text, primary_key=True) for name in _PLACE),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Index("ix_floors_owner", "owner"),
    )
    op.create_table(
        "errands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
        sa.Index("ix_errands_owner", "owner"),
    )
