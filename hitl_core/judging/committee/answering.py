"""A committee that answers: several models answer the query themselves, and the output is held against what they say.

Public: `AnswerCommittee`, `Answers`, `Answer`, `Encode`, `SameMeaning`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict, Vote
from hitl_core.domain.records import Item, Name, Record, Text, canonical_json
from hitl_core.judging.committee.answers import Same, clusters, same_direction, same_text
from hitl_core.judging.judge.injection import injection_flags
from hitl_core.judging.opinion import abstention, describe_failure

Encode = Callable[[Sequence[str]], ArrayLike]
"""Texts to embeddings, shape (n, dimension)."""

SameMeaning = Callable[[str, str, str], Awaitable[bool | None]]
"""A judge of equivalence: query, one answer, another; None when it cannot say, which counts as different."""


class Answer(Record):
    """What one model answers; an empty text is an abstention."""

    text: Text = ""
    model: Name = ""
    recorded: bool = False
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    latency_seconds: float = 0.0


class Answers(Protocol):
    """Answers the query of an item from its context, without seeing the output."""

    name: str
    fingerprint: str

    async def answer(self, item: Item) -> Answer:
        """Return the answer; what it raises counts as an abstention."""
        ...


class AnswerCommittee:
    """Models that answer the query in parallel; it is itself a judge.

    Answers are the same when their normalised text is equal, when their embeddings have at least `same_meaning_at`, or
    when a judge of equivalence says so. If enough of them are in one cluster, the output is approved when it is the
    same as all of that cluster and rejected when it is like none of it; anything else is an abstention. `p_correct` is
    the share of the largest cluster for an approval and 1 minus it for a rejection: agreement, no calibrated
    probability.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Answers],
        *,
        quorum: int = 2,
        rule: Literal["unanimous", "majority"] = "unanimous",
        encode: Encode | None = None,
        same_meaning_at: float | None = None,
        same_meaning: SameMeaning | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        """Seat the members; the arguments are those of `Committee`, and how answers are compared.

        Raises:
            InputError: the members or the quorum do not fit, or `same_meaning_at` has nothing to encode with.
        """
        names = [member.name for member in members]
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(f"a committee needs two or more members with different names; got {names}")
        if not 1 <= quorum <= len(names):
            raise InputError(f"a quorum of {quorum} cannot be met by {len(names)} members")
        if (same_meaning_at is None) != (encode is None):
            raise InputError("comparing meanings needs both the embedding model and same_meaning_at")
        self.name, self.members = name, tuple(members)
        self._quorum, self._rule, self._timeout = quorum, rule, timeout_seconds
        self._encode, self._least_cosine, self._same_meaning = encode, same_meaning_at, same_meaning
        parts = [sorted(m.fingerprint for m in members), quorum, rule, same_meaning_at, same_meaning is not None]
        self.fingerprint = "answers:" + hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]

    async def judge(self, item: Item) -> JudgeVerdict:
        """Let all members answer at once, compare, and return the verdict with one vote a member.

        An item with instruction-like text is shown to nobody: its flag sends it to a person.
        """
        if flags := injection_flags(item):
            held = abstention(item, self.name, "instruction-like text; nobody was asked", cost_usd=Decimal(0))
            more = {"kind": "committee", "flags": tuple(flag[:200] for flag in flags), "fingerprint": self.fingerprint}
            return held.model_copy(update=more)
        given = await asyncio.gather(*(self._answer(member, item) for member in self.members))
        spoken = [at for at, each in enumerate(given) if isinstance(each, Answer) and each.text.strip()]
        texts = [item.output, *(given[at].text for at in spoken)]  # type: ignore[union-attr]
        same = await self._compare(item.query, texts)
        verdict, probability, reason = self._verdict(same)
        alike = {at: bool(same[0, place]) for place, at in enumerate(spoken, start=1)}
        answers = [each for each in given if isinstance(each, Answer)]
        costs = [each.cost_usd for each in answers if each.cost_usd is not None]
        return JudgeVerdict(
            item_id=item.id,
            project=item.project,
            judge=self.name,
            kind="committee",
            verdict=verdict,
            p_correct=probability,
            method="none" if verdict == "abstain" else "votes",
            reason=reason,
            fingerprint=self.fingerprint,
            votes=tuple(_vote(m.name, each, alike.get(at)) for at, (m, each) in enumerate(zip(self.members, given))),  # noqa: B905
            recorded=len(answers) == len(given) and all(each.recorded for each in answers),
            calls=sum(each.calls for each in answers),
            input_tokens=sum(each.input_tokens for each in answers),
            output_tokens=sum(each.output_tokens for each in answers),
            cost_usd=sum(costs, Decimal(0)) if len(costs) == len(given) else None,
            latency_seconds=max((each.latency_seconds for each in answers), default=0.0),
        )

    def _verdict(self, same: Same) -> tuple[Literal["approve", "reject", "abstain"], float | None, str]:
        """Weigh the clusters of the answers (rows from 1 on) against the output (row 0)."""
        spoke = len(same) - 1
        found = clusters(same[1:, 1:])
        largest = len(found[0]) if found else 0
        counted = f"the largest of {len(found)} groups has {largest} of {spoke} answers"
        if spoke < self._quorum:
            return "abstain", None, f"no quorum of {self._quorum}: {counted}"
        if largest < spoke if self._rule == "unanimous" else 2 * largest <= spoke:
            return "abstain", None, f"not {self._rule}: {counted}"
        like = same[0, [1 + at for at in found[0]]]
        if like.all():
            return "approve", largest / spoke, f"{counted}, and the output says the same"
        if not like.any():
            return "reject", 1 - largest / spoke, f"{counted}, and the output says something else"
        return "abstain", None, f"{counted}, and the output is like {int(like.sum())} of them"

    async def _compare(self, query: str, texts: list[str]) -> Same:
        same = same_text(texts)
        if self._encode is not None and self._least_cosine is not None:
            vectors = await asyncio.to_thread(self._encode, texts)
            same |= same_direction(vectors, self._least_cosine)
        if self._same_meaning is not None:
            pairs = [(i, j) for i in range(len(texts)) for j in range(i) if not same[i, j]]
            asked = (self._same_meaning(query, texts[i], texts[j]) for i, j in pairs)
            for (i, j), answer in zip(pairs, await asyncio.gather(*asked, return_exceptions=True), strict=True):
                same[i, j] = same[j, i] = answer is True
        np.fill_diagonal(same, True)
        return same

    async def _answer(self, member: Answers, item: Item) -> Answer | BaseException:
        try:
            async with asyncio.timeout(self._timeout):
                (answer,) = await asyncio.gather(member.answer(item), return_exceptions=True)
        except TimeoutError:
            return TimeoutError(f"no answer within {self._timeout:g} seconds")
        return answer if isinstance(answer, Answer | BaseException) else TypeError(f"gave {type(answer).__name__}")


def _vote(rater: str, answer: Answer | BaseException, alike: bool | None) -> Vote:
    if isinstance(answer, BaseException):
        return Vote(rater=rater, verdict="abstain", reason=describe_failure(answer))
    if alike is None:
        return Vote(rater=rater, verdict="abstain", reason="gave no answer", model=answer.model)
    return Vote(rater=rater, verdict="approve" if alike else "reject", reason=answer.text[:500], model=answer.model)
