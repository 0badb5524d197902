"""What gives an opinion on an output: one shape for a model judge, a recorded judge and a committee.

Public: `Judges`, `CertificateState`, `Certified`, `HOLDING_FLAG`, `abstention`, `holds_back`, `outcome_of`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item, Record

LONGEST_REASON = 500
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


async def outcome_of(judge: Judges, item: Item) -> JudgeVerdict | BaseException:
    """Ask, and return the verdict under the judge's own name, or whatever went wrong as a value.

    Raises:
        asyncio.CancelledError: the caller was cancelled or out of time.
    """
    # Gathering one call gives back what it raises, whatever that is; only our own cancellation passes through.
    (answer,) = await asyncio.gather(judge.judge(item), return_exceptions=True)
    if isinstance(answer, JudgeVerdict):
        # A judge that is taught per project gives its fingerprint with the verdict.
        return answer.model_copy(update={"judge": judge.name, "fingerprint": answer.fingerprint or judge.fingerprint})
    if isinstance(answer, BaseException):
        return answer
    return TypeError(f"gave {type(answer).__name__} instead of a verdict")


def describe_failure(error: BaseException) -> str:
    """Return a short text that every database can hold; error messages carry whatever a provider sent."""
    text = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
