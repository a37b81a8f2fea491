"""The record of tool calls, the rules that allow them, and how often a run was taken over."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_PLACE = ("connector", "workspace", "channel", "thread")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Makes both tables, and adds the number; a run that stands was taken over by nobody."""
    op.add_column("runs", sa.Column("epoch", sa.Integer, nullable=False, server_default="0"))
    _make_calls()
    _make_rules()


def _make_calls() -> None:
    op.create_table(
        "tool_calls",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("call_id", "server", "tool")),
        sa.Column("arguments", sa.Text),
        sa.Column("arguments_sha256", sa.String(64), nullable=False),
        sa.Column("config_sha256", sa.String(64), nullable=False),
        sa.Column("tool_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("reason_params", sa.JSON),
        sa.Column("approver", sa.Text),
        sa.Column("rule_id", sa.String(36)),
        sa.Column("until_us", sa.BigInteger),
        sa.Column("owner", sa.String(36)),
        sa.Column("epoch", sa.Integer),
        sa.Column("step", sa.String(36)),
        sa.Column("asked_us", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, sa.BigInteger)
            for name in ("decided_us", "approved_us", "sent_us", "ended_us")
        ),
        sa.Column("result", sa.Text),
        sa.Column("result_sha256", sa.String(64)),
        sa.Column("result_bytes", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("late_us", sa.BigInteger),
        sa.Column("late_sha256", sa.String(64)),
        sa.Column("late_bytes", sa.BigInteger),
    )
    op.create_index(
        "ix_tool_calls_waiting",
        "tool_calls",
        ["until_us"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )


def _make_rules() -> None:
    op.create_table(
        "tool_rules",
        sa.Column("id", sa.String(36), primary_key=True),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in (*_PLACE, "person_id", "person_realm", "server", "tool")
        ),
        sa.Column("config_sha256", sa.String(64), nullable=False),
        sa.Column("tool_sha256", sa.String(64), nullable=False),
        sa.Column("approver", sa.Text),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("revoked_us", sa.BigInteger),
    )
    op.create_index("ix_tool_rules_person", "tool_rules", ["connector", "person_id"])
    op.create_index("ix_tool_rules_until_us", "tool_rules", ["until_us"])
