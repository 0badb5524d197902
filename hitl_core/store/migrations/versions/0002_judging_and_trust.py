"""Verdicts, model calls and their cache, artefacts; what a decision took from them; one task per slot."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _decisions()
    _verdicts()
    _model_calls()
    _model_cache()
    _artefacts()
    op.create_index(
        "uq_tasks_item_stage_slot",
        "tasks",
        ["item_key", "stage", "slot"],
        unique=True,
        sqlite_where=sa.text("slot >= 0"),
        postgresql_where=sa.text("slot >= 0"),
    )
    op.create_index(
        "uq_tasks_item_stage_holder",
        "tasks",
        ["item_key", "stage", "claimed_by"],
        unique=True,
        sqlite_where=sa.text("blind"),
        postgresql_where=sa.text("blind"),
    )
    with_judges = sa.text("status = 'pending' AND pool = 'judges'")
    op.create_index("ix_tasks_judging", "tasks", ["created_at"], sqlite_where=with_judges, postgresql_where=with_judges)


def downgrade() -> None:
    op.drop_index("ix_decisions_created_at", "decisions")
    op.drop_index("ix_tasks_judging", "tasks")
    op.drop_index("uq_tasks_item_stage_holder", "tasks")
    op.drop_index("uq_tasks_item_stage_slot", "tasks")
    for table in ("artefacts", "model_cache", "model_calls", "verdicts"):
        op.drop_table(table)
    for column in ("overlap", "signals", "calibrator", "path", "cost_picos"):
        op.drop_column("decisions", column)


def _decisions() -> None:
    op.add_column("decisions", sa.Column("overlap", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("decisions", sa.Column("signals", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("calibrator", sa.String(length=32), nullable=True))
    op.add_column("decisions", sa.Column("path", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("cost_picos", sa.BigInteger(), nullable=True))
    op.create_index("ix_decisions_created_at", "decisions", ["created_at"])


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("key", sa.String(length=32), primary_key=True),
        sa.Column("item_key", sa.String(length=32), sa.ForeignKey("items.key"), nullable=False),
        sa.Column("task_key", sa.String(length=32), sa.ForeignKey("tasks.key"), nullable=True),
        sa.Column("judge", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("p_correct", sa.Float(), nullable=True),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("cost_picos", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_verdicts_item_key", "verdicts", ["item_key"])
    op.create_index("ix_verdicts_task_key", "verdicts", ["task_key"])
    op.create_index("ix_verdicts_created_at", "verdicts", ["created_at"])
    op.create_index("ix_verdicts_fingerprint_created_at", "verdicts", ["fingerprint", "created_at"])


def _model_calls() -> None:
    op.create_table(
        "model_calls",
        sa.Column("key", sa.String(length=32), primary_key=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("request_key", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_picos", sa.BigInteger(), nullable=True),
        sa.Column("latency_seconds", sa.Float(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
    )
    op.create_index("ix_model_calls_created_at", "model_calls", ["created_at"])
    op.create_index("ix_model_calls_request_key", "model_calls", ["request_key"])


def _model_cache() -> None:
    op.create_table(
        "model_cache",
        sa.Column("request_key", sa.String(length=64), primary_key=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def _artefacts() -> None:
    op.create_table(
        "artefacts",
        sa.Column("key", sa.String(length=32), primary_key=True),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("project", "kind", "name", "version", name="uq_artefacts_version"),
    )
    op.create_index("ix_artefacts_kind_created_at", "artefacts", ["kind", "created_at"])
