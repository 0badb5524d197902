"""The sections of a policy on trust: what a label is, how audits are drawn and judged, which segments are shut off."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hitl_core.domain.labels import COSMETIC
from hitl_core.domain.records import Name, Record


class Labels(Record):
    """What counts as right: an edit whose reasons are all cosmetic leaves the output right."""

    cosmetic_reasons: tuple[Annotated[Name, Field(min_length=1)], ...] = COSMETIC
