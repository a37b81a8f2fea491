"""What is set for scopes, the log of its changes, and what each run was made with."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes both tables, and adds the column; of a run that stands nothing is known."""
    op.add_column("runs", sa.Column("made_with", sa.JSON))
    op.create_table(
        "scope_settings",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "scope_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("approver", sa.Text),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
    )
    op.create_index("ix_scope_changes_scope", "scope_changes", ["scope", "id"])
