"""A committee: several judges look at the same output at the same time, and their votes become one verdict.

Public: `Committee`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from decimal import Decimal

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item, canonical_json
from hitl_core.judging.committee.voting import Rule, tally_votes, vote_of
from hitl_core.judging.opinion import HOLDING_FLAG, Judges, holds_back, outcome_of
from hitl_core.judging.panel.panel import Panel


class Committee:
    """Judges that are asked in parallel; it is itself a judge, so that a tier of a cascade can be a committee.

    A member that fails, is late or abstains is counted as abstaining. Disagreement by the rule and a lost quorum are an
    abstention of the committee, which leads to the next tier and in the end to a person. One member's `injection` flag
    is the committee's.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Judges],
        *,
        quorum: int = 2,
        rule: Rule = "unanimous",
        panel: Panel | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        """Seat the members.

        Args:
            name: what the policy calls it.
            members: two or more, with different names.
            quorum: least number of members that must not abstain.
            rule: see `tally_votes`.
            panel: fitted weights; "weighted" needs them.
            timeout_seconds: members that have not answered by then abstain; None waits for all.

        Raises:
            InputError: the members, the quorum or the panel do not fit.
        """
        names = [member.name for member in members]
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(f"a committee needs two or more members with different names; got {names}")
        if not 1 <= quorum <= len(names):
            raise InputError(f"a quorum of {quorum} cannot be met by {len(names)} members")
        known = {member.name for member in panel.members} if panel else set()
        if (rule == "weighted" or panel) and known != set(names):
            raise InputError(
                f"the panel of {name!r} has weights of {sorted(known)}, but its members are {sorted(names)}"
            )
        self.name, self.members = name, tuple(members)
        self._quorum, self._rule, self._panel, self._timeout = quorum, rule, panel, timeout_seconds
        self.fingerprint = self._fingerprint([member.fingerprint for member in members])

    async def judge(self, item: Item) -> JudgeVerdict:
        """Ask all members at once and return their verdict with the votes, the costs added up."""
        opinions = await asyncio.gather(*(self._opinion(member, item) for member in self.members))
        votes = tuple(vote_of(m.name, opinion) for m, opinion in zip(self.members, opinions, strict=True))
        tally = tally_votes(votes, rule=self._rule, quorum=self._quorum, panel=self._panel)
        given = [opinion for opinion in opinions if isinstance(opinion, JudgeVerdict)]
        return JudgeVerdict(
            item_id=item.id,
            project=item.project,
            judge=self.name,
            kind="committee",
            verdict=tally.verdict,
            p_correct=tally.p_correct,
            method="none" if tally.verdict == "abstain" else tally.method,
            reason=tally.reason,
            flags=(HOLDING_FLAG,) if any(holds_back(each) for each in given) else (),
            fingerprint=self._fingerprint(
                [_own(opinion) or member.fingerprint for member, opinion in zip(self.members, opinions, strict=True)]
            ),
            votes=votes,
            recorded=len(given) == len(opinions) and all(each.recorded for each in given),
            calls=sum(each.calls for each in given),
            input_tokens=sum(each.input_tokens for each in given),
            output_tokens=sum(each.output_tokens for each in given),
            cost_usd=_total(opinions),
            latency_seconds=max((each.latency_seconds for each in given), default=0.0),
        )

    def _fingerprint(self, members: Sequence[str]) -> str:
        """Name what shapes the verdicts: the members in any order, the rule, the quorum and the weights."""
        parts = [sorted(members), self._quorum, self._rule, self._panel.digest() if self._panel else None]
        return "committee:" + hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]

    async def _opinion(self, member: Judges, item: Item) -> JudgeVerdict | BaseException:
        try:
            async with asyncio.timeout(self._timeout):
                return await outcome_of(member, item)
        except TimeoutError:
            return TimeoutError(f"no answer within {self._timeout:g} seconds")


def _own(opinion: JudgeVerdict | BaseException) -> str:
    return opinion.fingerprint if isinstance(opinion, JudgeVerdict) else ""


def _total(opinions: Sequence[JudgeVerdict | BaseException]) -> Decimal | None:
    """The members' costs together; unknown as soon as one is."""
    costs = [each.cost_usd if isinstance(each, JudgeVerdict) else None for each in opinions]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
