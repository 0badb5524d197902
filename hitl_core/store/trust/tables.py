"""Tables of what was fitted or certified from labels: frozen JSON, append-only, versioned by project and kind."""

from __future__ import annotations

import sqlalchemy as sa

from hitl_core.store.tables import Micros, metadata

artefacts = sa.Table(
    "artefacts",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.UniqueConstraint("project", "kind", "name", "version", name="uq_artefacts_version"),
    sa.Index("ix_artefacts_kind_created_at", "kind", "created_at"),
)
