"""The first schema: items, decisions, tasks, reviews, golden examples, policies and events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _events()
    _items()
    _lanes()
    _policies()
    _reviewers()
    _secrets()
    _workers()
    _decisions()
    _deliveries()
    _feedback()
    _golden()
    _golden_log()
    _golden_vectors()
    _tasks()
    _drafts()
    _reviews()
    _skips()


def downgrade() -> None:
    for table in (
        "skips",
        "reviews",
        "drafts",
        "tasks",
        "golden_vectors",
        "golden_log",
        "golden",
        "feedback",
        "deliveries",
        "decisions",
        "workers",
        "secrets",
        "reviewers",
        "policies",
        "lanes",
        "items",
        "events",
    ):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("item_key", sa.String(length=32), nullable=True),
        sa.Column("task_key", sa.String(length=32), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_events_created_at"), "events", ["created_at"], unique=False)
    op.create_index(op.f("ix_events_item_key"), "events", ["item_key"], unique=False)


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("query_digest", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("project", "id", name="uq_items_project_id"),
    )
    op.create_index(op.f("ix_items_query_digest"), "items", ["query_digest"], unique=False)
    op.create_index(op.f("ix_items_subject"), "items", ["subject"], unique=False)


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("pool", sa.String(length=16), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("expertise", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pool", "project", "expertise"),
    )


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index(op.f("ix_policies_digest"), "policies", ["digest"], unique=False)


def _reviewers() -> None:
    op.create_table(
        "reviewers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("expertise", sa.Text(), nullable=False),
        sa.Column("senior", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("item_key", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(length=32), nullable=True),
        sa.Column("route", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("raw_confidence", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.Column("priority_class", sa.String(length=16), nullable=False),
        sa.Column("expertise", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("audited", sa.Boolean(), nullable=False),
        sa.Column("inclusion_probability", sa.Float(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_key"],
            ["items.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("item_key", "seq", name="uq_decisions_item_seq"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("item_key", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("review_key", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_key"],
            ["items.key"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_deliveries_item_key"), "deliveries", ["item_key"], unique=False)


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("item_key", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("thumbs_up", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_key"],
            ["items.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_feedback_item_key"), "feedback", ["item_key"], unique=False)


def _golden() -> None:
    op.create_table(
        "golden",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("model_output", sa.Text(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("item_key", sa.String(length=32), nullable=True),
        sa.Column("review_id", sa.String(length=32), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("retired_reason", sa.Text(), nullable=True),
        sa.Column("merged_into", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_key"],
            ["items.key"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_golden_digest"), "golden", ["digest"], unique=False)
    op.create_index(op.f("ix_golden_item_id"), "golden", ["item_id"], unique=False)
    op.create_index(op.f("ix_golden_item_key"), "golden", ["item_key"], unique=False)
    op.create_index(op.f("ix_golden_merged_into"), "golden", ["merged_into"], unique=False)
    op.create_index(op.f("ix_golden_review_id"), "golden", ["review_id"], unique=False)


def _golden_log() -> None:
    op.create_table(
        "golden_log",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("golden_id", sa.String(length=32), nullable=False),
        sa.Column("op", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["golden_id"],
            ["golden.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )


def _golden_vectors() -> None:
    op.create_table(
        "golden_vectors",
        sa.Column("golden_id", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["golden_id"],
            ["golden.id"],
        ),
        sa.PrimaryKeyConstraint("golden_id", "fingerprint"),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("item_key", sa.String(length=32), nullable=False),
        sa.Column("decision_key", sa.String(length=32), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("pool", sa.String(length=16), nullable=False),
        sa.Column("expertise", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("base", sa.Float(), nullable=False),
        sa.Column("rank", sa.Float(), nullable=False),
        sa.Column("keyed_version", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_key"],
            ["decisions.key"],
        ),
        sa.ForeignKeyConstraint(
            ["item_key"],
            ["items.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "ix_tasks_head",
        "tasks",
        ["pool", "project", "expertise", "band", sa.literal_column("rank DESC"), "key"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_tasks_holder",
        "tasks",
        ["claimed_by"],
        unique=False,
        sqlite_where=sa.text("status = 'claimed'"),
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index(op.f("ix_tasks_item_key"), "tasks", ["item_key"], unique=False)
    op.create_index(
        "ix_tasks_keyed",
        "tasks",
        ["keyed_version"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_tasks_lease",
        "tasks",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'claimed'"),
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index(
        "ix_tasks_young",
        "tasks",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending' AND band = 0"),
        postgresql_where=sa.text("status = 'pending' AND band = 0"),
    )


def _drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("task_key", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_key"],
            ["tasks.key"],
        ),
        sa.PrimaryKeyConstraint("task_key", "reviewer"),
    )


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("item_key", sa.String(length=32), nullable=False),
        sa.Column("task_key", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("supersedes", sa.String(length=32), nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("exemplary", sa.Boolean(), nullable=False),
        sa.Column("active_seconds", sa.Float(), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("inclusion_probability", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_key"],
            ["items.key"],
        ),
        sa.ForeignKeyConstraint(
            ["task_key"],
            ["tasks.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_reviews_created_at", "reviews", ["created_at"], unique=False)
    op.create_index(op.f("ix_reviews_item_key"), "reviews", ["item_key"], unique=False)
    op.create_index("ix_reviews_reviewer_created_at", "reviews", ["reviewer", "created_at"], unique=False)
    op.create_index(op.f("ix_reviews_supersedes"), "reviews", ["supersedes"], unique=False)
    op.create_index(op.f("ix_reviews_task_key"), "reviews", ["task_key"], unique=False)


def _skips() -> None:
    op.create_table(
        "skips",
        sa.Column("task_key", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_key"],
            ["tasks.key"],
        ),
        sa.PrimaryKeyConstraint("task_key", "reviewer"),
    )
