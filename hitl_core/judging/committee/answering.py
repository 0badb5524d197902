"""A committee that answers: several models answer the query themselves, and the output is held against what they say.

Public: `AnswerCommittee`, `Answers`, `Answer`, `Encode`, `ComparesMeaning`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
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


class ComparesMeaning(Protocol):
    """A judge of equivalence; anything but an approval counts as different."""

    name: str
    fingerprint: str

    async def equivalent(
        self, query: str, first: str, second: str, *, item_id: str = "", project: str = ""
    ) -> JudgeVerdict:
        """Say whether two answers to a query mean the same."""
        ...


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
    when a judge of equivalence says so, whose calls and cost are added to the members'. If enough of them are in one
    cluster, the output is approved when it is the same as all of that cluster and rejected when it is like none of it;
    anything else is an abstention. `p_correct` is the share of the largest cluster for an approval and 1 minus it for a
    rejection: agreement, no calibrated probability.
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
        same_meaning: ComparesMeaning | None = None,
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
        compared_by = same_meaning.fingerprint if same_meaning else None
        parts = [sorted(m.fingerprint for m in members), quorum, rule, same_meaning_at, compared_by]
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
        same, compared = await self._compare(item, texts)
        verdict, probability, reason = self._verdict(same)
        alike = {at: bool(same[0, place]) for place, at in enumerate(spoken, start=1)}
        answers = [each for each in given if isinstance(each, Answer)]
        paid: list[Answer | JudgeVerdict] = [*answers, *(each for each in compared if isinstance(each, JudgeVerdict))]
        asked = len(given) + len(compared)
        costs = [each.cost_usd for each in paid if each.cost_usd is not None]
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
            recorded=len(paid) == asked and all(each.recorded for each in paid),
            calls=sum(each.calls for each in paid),
            input_tokens=sum(each.input_tokens for each in paid),
            output_tokens=sum(each.output_tokens for each in paid),
            cost_usd=sum(costs, Decimal(0)) if len(costs) == asked else None,
            latency_seconds=_longest(answers) + _longest(paid[len(answers) :]),
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

    async def _compare(self, item: Item, texts: list[str]) -> tuple[Same, list[JudgeVerdict | BaseException]]:
        """Return which texts are the same, and what a judge of equivalence said about those that are not obviously."""
        same = same_text(texts)
        if self._encode is not None and self._least_cosine is not None:
            vectors = await asyncio.to_thread(self._encode, texts)
            same |= same_direction(vectors, self._least_cosine)
        said: list[JudgeVerdict | BaseException] = []
        if self._same_meaning is not None:
            told = {"item_id": item.id, "project": item.project}
            spoken = [at for at, text in enumerate(texts) if text.strip()]
            pairs = [(i, j) for i in spoken for j in spoken if j < i and not same[i, j]]
            asked = (self._same_meaning.equivalent(item.query, texts[i], texts[j], **told) for i, j in pairs)
            said = await asyncio.gather(*asked, return_exceptions=True)
            for (i, j), verdict in zip(pairs, said, strict=True):
                alike = isinstance(verdict, JudgeVerdict) and verdict.verdict == "approve"
                same[i, j] = same[j, i] = alike
        np.fill_diagonal(same, True)
        return same, said

    async def _answer(self, member: Answers, item: Item) -> Answer | BaseException:
        try:
            async with asyncio.timeout(self._timeout):
                (answer,) = await asyncio.gather(member.answer(item), return_exceptions=True)
        except TimeoutError:
            return TimeoutError(f"no answer within {self._timeout:g} seconds")
        return answer if isinstance(answer, Answer | BaseException) else TypeError(f"gave {type(answer).__name__}")


def _longest(given: Sequence[Answer | JudgeVerdict]) -> float:
    return max((each.latency_seconds for each in given), default=0.0)


def _vote(rater: str, answer: Answer | BaseException, alike: bool | None) -> Vote:
    if isinstance(answer, BaseException):
        return Vote(rater=rater, verdict="abstain", reason=describe_failure(answer))
    if alike is None:
        return Vote(rater=rater, verdict="abstain", reason="gave no answer", model=answer.model)
    return Vote(rater=rater, verdict="approve" if alike else "reject", reason=answer.text[:500], model=answer.model)
