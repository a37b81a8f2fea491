"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Makes all tables, the web playground's as well."""
    _inbox()
    _runs()
    _tokens()
    _edits()
    _messages()
    _feedback()
    _conversations()
    _web_messages()


def _place() -> list[sa.Column[str]]:
    names = ("connector", "workspace", "channel", "thread")
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", ROW_ID, primary_key=True),
        *_place(),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("person_name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(36)),
        sa.UniqueConstraint(
            "connector", "workspace", "channel", "thread", "message_id", name="uq_inbox_message"
        ),
    )
    op.create_index("ix_inbox_state", "inbox", ["state", "id"])
    op.create_index("ix_inbox_received_us", "inbox", ["received_us"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(36), primary_key=True),
        *_place(),
        sa.Column("question_id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("person_name", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("parent_run_id", sa.String(36)),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("first_token_us", sa.BigInteger),
        sa.Column("first_text_us", sa.BigInteger),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("outcome", sa.String(16)),
        sa.Column("verdict", sa.String(16)),
        sa.Column("finish_reason", sa.String(16)),
        sa.Column("error", sa.Text),
        sa.Column("generated_text", sa.Text),
        sa.Column("tokens", sa.BigInteger),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("receipt", sa.JSON),
        sa.Column("text_deleted_us", sa.BigInteger),
    )
    op.create_index("ix_runs_started_us", "runs", ["started_us"])
    op.create_index(
        "ix_runs_place", "runs", ["connector", "workspace", "channel", "thread", "started_us"]
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sqlite_with_rowid=False,
    )


def _edits() -> None:
    op.create_table(
        "edits",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("call", sa.String(8), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("latency_us", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("error", sa.Text),
        sqlite_with_rowid=False,
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        *_place(),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("lead", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("tail", sa.Text, nullable=False),
        sa.Column("trail", sa.Text, nullable=False),
    )
    op.create_index(
        "ix_messages_message",
        "messages",
        ["connector", "workspace", "channel", "thread", "message_id"],
    )


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("value", sa.SmallInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("connector", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("thread", sa.Text, primary_key=True),
        sa.Column("forgotten_us", sa.BigInteger, nullable=False),
    )


def _web_messages() -> None:
    op.create_table(
        "web_messages",
        sa.Column("seq", ROW_ID, primary_key=True),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("key", sa.Text, unique=True),
        sa.Column("author_id", sa.Text, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("by_bot", sa.Boolean, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("controls", sa.Text, nullable=False),
        sa.Column("footer", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("part", sa.Integer),
        sa.Column("last", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )
    op.create_index("web_messages_by_conversation", "web_messages", ["conversation", "seq"])
