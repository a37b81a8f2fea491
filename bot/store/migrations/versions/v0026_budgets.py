"""How processes share the platforms' budgets: the mode, and who holds which slots."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds both tables, and what each process says of its own sharing."""
    op.add_column("processes", sa.Column("budgets", sa.JSON))
    op.create_table(
        "budget_mode",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("deployment", sa.String(32), nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "budget_slots",
        sa.Column("budget", sa.Text, primary_key=True),
        sa.Column("owner", sa.String(36), primary_key=True),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("growing", sa.Integer, nullable=False),
        sa.Column("gone_us", sa.BigInteger),
    )
