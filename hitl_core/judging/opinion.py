"""What gives an opinion on an output: one shape for a model judge, a recorded judge and a committee.

Public: `Judges`, `CertificateState`, `Certified`, `HOLDING_FLAG`, `abstention`, `holds_back`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item, Record

HOLDING_FLAG = "injection"
"""A verdict with this flag, or one that begins with `injection:`, sends the item to a person whatever anybody says.

Any other flag (a flipped order, too little answer mass) only keeps the tier that raised it from accepting.
"""


@runtime_checkable
class Judges(Protocol):
    """Gives a verdict on one item.

    `name` is what the policy calls it; `fingerprint` names everything that shapes its verdicts (model, prompt version,
    rubric, few-shot snapshot, sampling), so that a certificate is valid for one fingerprint. `judge` abstains, with
    the reason, where it cannot say; what it raises, the cascade records as a failure of this tier.
    """

    name: str
    fingerprint: str

    async def judge(self, item: Item) -> JudgeVerdict:
        """Return the verdict; `accepted`, `tier` and `certificate` are filled in by the cascade."""
        ...


class CertificateState(Record):
    """Whether a judge's word may let an output go out by itself, and why not; `certificate` is the artefact's id."""

    status: Literal["valid", "missing", "stale", "insufficient"] = "missing"
    certificate: str | None = None
    reason: str = ""

    @property
    def valid(self) -> bool:
        """Whether acceptance is allowed."""
        return self.status == "valid"


Certified = Callable[[JudgeVerdict], CertificateState]
"""Says for a verdict (its judge, fingerprint and project) whether a valid certificate covers it."""


def abstention(item: Item, judge: str, reason: str, *, cost_usd: Decimal | None = None) -> JudgeVerdict:
    """Return the verdict of a judge that does not say; the reason is kept and the cost is unknown unless given."""
    return JudgeVerdict(
        item_id=item.id, project=item.project, judge=judge, verdict="abstain", reason=reason, cost_usd=cost_usd
    )


def holds_back(verdict: JudgeVerdict) -> bool:
    """Return whether a flag says that the item goes to a person whatever the score."""
    return any(flag == HOLDING_FLAG or flag.startswith(HOLDING_FLAG + ":") for flag in verdict.flags)
