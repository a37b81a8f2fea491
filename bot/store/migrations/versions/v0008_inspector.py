"""Indexes for the list of runs, one for each of its filters, and what each hour's runs were."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FILTERS = {
    "person": "person_id",
    "verdict": "verdict",
    "outcome": "outcome",
    "model": "model",
    "connector": "connector",
}


def upgrade() -> None:
    """Adds the indexes and the table; hours from before are counted while the bot runs."""
    op.create_index("ix_runs_listed", "runs", ["started_us", "run_id"])
    for name, column in _FILTERS.items():
        op.create_index(f"ix_runs_by_{name}", "runs", [column, "started_us", "run_id"])
    op.create_table(
        "run_hours",
        sa.Column("hour_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("summary", sa.JSON, nullable=False),
    )
