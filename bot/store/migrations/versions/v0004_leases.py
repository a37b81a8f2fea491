"""Which process answers what, and what else a question needs to be answered by another one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table and adds the columns; the owner of rows from before is nobody."""
    op.create_table(
        "processes",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("beat_us", sa.BigInteger, nullable=False),
        sa.Column("machine", sa.String(128)),
        sa.Column("pid", sa.Integer),
    )
    for table in ("inbox", "runs"):
        op.add_column(table, sa.Column("owner", sa.String(36)))
    for column in ("external", "addressed"):
        op.add_column("inbox", sa.Column(column, sa.Boolean))
    unended = sa.text("ended_us IS NULL")
    op.create_index(
        "ix_runs_unended", "runs", ["owner"], sqlite_where=unended, postgresql_where=unended
    )
