"""The realm in which a person's id is unique, beside the id."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COUNTED = [
    "run_id", "ended_us", "input_tokens", "output_tokens", "cached_input_tokens", "usage_estimated",
    "cost_microusd",
]  # fmt: skip
_USED = ["connector", "person_id", "started_us", *_COUNTED, "person_name"]
_LISTED = ["person_id", "started_us", "run_id", "verdict", "outcome", "model", "connector"]
_NO_REALM = sa.text("person_realm IS NULL")

# Of Slack's strangers nobody knows the realm any more: their rows say "?".
_FILL = (
    """
    UPDATE runs SET person_realm = CASE
        WHEN EXISTS (SELECT 1 FROM inbox i WHERE i.run_id = runs.run_id AND i.external) THEN '?'
        WHEN connector IN ('slack', 'web') THEN workspace
        ELSE '' END
    """,
    """
    UPDATE inbox SET person_realm = CASE
        WHEN external THEN '?'
        WHEN connector IN ('slack', 'web') THEN workspace
        ELSE '' END
    """,
    """
    UPDATE feedback SET person_id = (
        SELECT runs.workspace || '/' || feedback.person_id FROM runs
        WHERE runs.run_id = feedback.run_id)
    WHERE EXISTS (
        SELECT 1 FROM runs
        WHERE runs.run_id = feedback.run_id AND runs.connector IN ('slack', 'web'))
    """,
)


def upgrade() -> None:
    """Adds the columns and fills them: older versions, which may still run, leave them empty."""
    for table in ("inbox", "runs"):
        op.add_column(table, sa.Column("person_realm", sa.Text))
    for statement in _FILL:
        op.execute(statement)
    for table, column in (("inbox", "id"), ("runs", "run_id")):
        op.create_index(
            f"ix_{table}_without_realm",
            table,
            [column],
            sqlite_where=_NO_REALM,
            postgresql_where=_NO_REALM,
        )
    for name, columns in (("ix_runs_person", _USED), ("ix_runs_by_person", _LISTED)):
        op.drop_index(name, "runs")
        op.create_index(name, "runs", [*columns, "person_realm"])
    _resets()
    _hours()


def _resets() -> None:
    """Only a command writes them, and an older version's refuses a newer database: a new key."""
    op.rename_table("usage_resets", "old_resets")
    op.create_table(
        "usage_resets",
        sa.Column("connector", sa.Text, primary_key=True),
        sa.Column("person_realm", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
    # For each realm of whose people one has the id; where nobody has, for the platform's own.
    op.execute(
        "INSERT INTO usage_resets (connector, person_realm, person_id, at_us) "
        "SELECT DISTINCT o.connector, COALESCE(r.person_realm, ''), o.person_id, o.at_us "
        "FROM old_resets o LEFT JOIN runs r "
        "ON r.connector = o.connector AND r.person_id = o.person_id"
    )
    op.drop_table("old_resets")


def _hours() -> None:
    """The costliest people of an hour by `connector, realm, id`, where their realm is known."""
    connection = op.get_bind()
    hours = sa.table("run_hours", sa.column("hour_us"), sa.column("summary", sa.JSON))
    rows = connection.execute(sa.select(hours)).all()
    realms = _realms(connection) if rows else {}
    for hour_us, summary in rows:
        known = json.loads(summary) if isinstance(summary, str) else summary
        people = {_key(key, realms): each for key, each in known.get("people", {}).items()}
        connection.execute(
            hours.update()
            .where(hours.c.hour_us == hour_us)
            .values(summary={**known, "people": people})
        )


def _key(key: str, realms: dict[tuple[str, str], str]) -> str:
    connector, line, person = key.partition("\n")
    return f"{connector}\n{realms.get((connector, person), '')}\n{person}" if line else key


def _realms(connection: sa.Connection) -> dict[tuple[str, str], str]:
    found = connection.execute(
        sa.text("SELECT DISTINCT connector, person_id, person_realm FROM runs")
    )
    return {(connector, person): realm for connector, person, realm in found}
