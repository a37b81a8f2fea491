"""Indexes with all that the list filters by and limits count, and for what is looked for often."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FILTERS = {
    "person": "person_id",
    "verdict": "verdict",
    "outcome": "outcome",
    "model": "model",
    "connector": "connector",
}
_COUNTED = [
    "run_id", "ended_us", "input_tokens", "output_tokens", "cached_input_tokens", "usage_estimated",
    "cost_microusd",
]  # fmt: skip
_USED = {
    "person": ["connector", "person_id", "started_us", *_COUNTED, "person_name"],
    "workspace": ["connector", "workspace", "started_us", *_COUNTED],
}
_KEPT = sa.text("text_deleted_us IS NULL")
_SAID = sa.text("text != '' OR files IS NOT NULL")


def upgrade() -> None:
    """Makes the indexes anew, which takes a while where there are many runs."""
    for name, column in _FILTERS.items():
        others = [other for other in _FILTERS.values() if other != column]
        op.drop_index(f"ix_runs_by_{name}", "runs")
        op.create_index(f"ix_runs_by_{name}", "runs", [column, "started_us", "run_id", *others])
    for name, columns in _USED.items():
        op.drop_index(f"ix_runs_{name}", "runs")
        op.create_index(f"ix_runs_{name}", "runs", columns)
    op.drop_index("ix_runs_started_us", "runs")  # `ix_runs_listed` begins with it
    op.create_index(
        "ix_runs_text_kept", "runs", ["started_us"], sqlite_where=_KEPT, postgresql_where=_KEPT
    )
    op.create_index("ix_inbox_run_id", "inbox", ["run_id"])
    op.drop_index("ix_inbox_received_us", "inbox")
    op.create_index(
        "ix_inbox_said", "inbox", ["received_us"], sqlite_where=_SAID, postgresql_where=_SAID
    )
    op.add_column(
        "run_hours", sa.Column("anonymized", sa.Integer, nullable=False, server_default="0")
    )
    op.create_index("ix_run_hours_anonymized", "run_hours", ["anonymized"])
