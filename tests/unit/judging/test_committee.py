"""A committee of judges, a committee that answers, and when short answers are the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.errors import InputError, RateLimitedError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item
from hitl_core.judging.committee.answering import Answer, AnswerCommittee
from hitl_core.judging.committee.answers import clusters, contains_answer, normalise_answer, same_direction, same_text
from hitl_core.judging.committee.committee import Committee

ITEM = Item(id="i", query="capital of France?", output="Paris")


class Member:
    """A member with a fixed verdict or answer."""

    def __init__(self, name: str, says: Any, p: float | None = None, **more: Any) -> None:
        self.name, self.fingerprint, self.says, self.p = name, f"f-{name}", says, p
        self.more = {"cost_usd": Decimal("0.01"), "calls": 1, **more}

    async def judge(self, item: Item) -> JudgeVerdict:
        if isinstance(self.says, Exception):
            raise self.says
        if self.says == "silence":
            await asyncio.Event().wait()
        return JudgeVerdict(judge=self.name, verdict=self.says, p_correct=self.p, **self.more)

    async def answer(self, item: Item) -> Answer:
        if isinstance(self.says, Exception):
            raise self.says
        if self.says == "silence":
            await asyncio.Event().wait()
        return Answer(text=self.says, **self.more)


def committee(*says: Any, **options: Any) -> JudgeVerdict:
    members = [each if isinstance(each, Member) else Member(f"m{n}", each) for n, each in enumerate(says)]
    return asyncio.run(Committee("panel", members, **options).judge(ITEM))


def answering(output: str, *says: Any, **options: Any) -> JudgeVerdict:
    members = [Member(f"m{n}", each) for n, each in enumerate(says)]
    return asyncio.run(AnswerCommittee("panel", members, **options).judge(ITEM.model_copy(update={"output": output})))


BROKEN = RateLimitedError("wait")
VOTES = [
    (("approve", "approve", "approve"), "unanimous", 2, "approve", 1.0),
    (("reject", "reject"), "unanimous", 2, "reject", 0.0),
    (("approve", "approve", "reject"), "unanimous", 2, "abstain", None),
    (("approve", "approve", "reject"), "majority", 2, "approve", 2 / 3),
    (("approve", "reject"), "majority", 2, "abstain", None),
    (("approve", "approve", "abstain"), "unanimous", 2, "approve", 1.0),
    (("approve", "approve", "abstain"), "unanimous", 3, "abstain", None),
    (("approve", "approve", BROKEN), "unanimous", 3, "abstain", None),
    (("approve", BROKEN, BROKEN), "majority", 2, "abstain", None),
    ((BROKEN, BROKEN), "unanimous", 1, "abstain", None),
]


@pytest.mark.parametrize(("says", "rule", "quorum", "verdict", "p"), VOTES)
def test_agreement_by_rule_and_quorum(says: Any, rule: Any, quorum: int, verdict: str, p: float | None) -> None:
    result = committee(*says, rule=rule, quorum=quorum)
    assert (result.verdict, result.kind, len(result.votes)) == (verdict, "committee", len(says))
    assert result.p_correct == (None if p is None else pytest.approx(p))


def test_probabilities_are_averaged_and_costs_added() -> None:
    result = committee(Member("a", "approve", 0.9), Member("b", "approve", 0.8))
    assert result.p_correct == pytest.approx(0.85)
    assert (result.cost_usd, result.calls, result.method) == (Decimal("0.02"), 2, "votes")
    assert [vote.p_correct for vote in result.votes] == [0.9, 0.8]


def test_a_member_that_failed_makes_the_cost_unknown_and_says_why() -> None:
    result = committee("approve", "approve", BROKEN)
    assert result.cost_usd is None
    assert (result.votes[2].verdict, result.votes[2].reason) == ("abstain", "RateLimitedError: wait")


def test_one_silent_member_costs_its_own_vote_only() -> None:
    result = committee("approve", "approve", "silence", timeout_seconds=0.02)
    assert (result.verdict, result.votes[2].verdict) == ("approve", "abstain")


def test_an_attack_that_one_member_sees_is_the_committees() -> None:
    assert committee("approve", "approve", Member("c", "approve", flags=("injection",))).flags == ("injection",)


def test_a_member_that_doubts_its_own_verdict_abstains() -> None:
    result = committee("approve", "approve", Member("c", "approve", flags=("order_flip",)), quorum=3)
    assert (result.verdict, result.votes[2].verdict, result.flags) == ("abstain", "abstain", ())


def test_members_work_at_the_same_time() -> None:
    async def meet() -> JudgeVerdict:
        barrier = asyncio.Barrier(3)

        class Waits(Member):
            async def judge(self, item: Item) -> JudgeVerdict:
                await barrier.wait()
                return await super().judge(item)

        return await Committee("panel", [Waits(name, "approve") for name in "abc"]).judge(ITEM)

    assert asyncio.run(asyncio.wait_for(meet(), 30)).verdict == "approve"


@pytest.mark.parametrize(
    ("members", "options", "message"),
    [(["a"], {}, "two or more"), (["a", "a"], {}, "different names"), (["a", "b"], {"quorum": 3}, "cannot be met")],
)
def test_a_committee_that_cannot_work_is_refused(members: list[str], options: Any, message: str) -> None:
    for kind in (Committee, AnswerCommittee):
        with pytest.raises(InputError, match=message):
            kind("panel", [Member(name, "approve") for name in members], **options)


def test_weights_are_of_the_members() -> None:
    with pytest.raises(InputError, match="weights of"):
        Committee("panel", [Member("a", "approve"), Member("b", "approve")], rule="weighted")


def test_the_fingerprint_does_not_depend_on_the_order_but_on_the_rule() -> None:
    one, other = ([Member(name, "approve") for name in names] for names in ("ab", "ba"))
    assert Committee("x", one).fingerprint == Committee("x", other).fingerprint
    assert Committee("x", one).fingerprint != Committee("x", one, rule="majority").fingerprint


def test_a_member_taught_by_project_shows_in_the_fingerprint_of_the_verdict() -> None:
    one, other = (committee("approve", Member("taught", "approve", fingerprint=each)) for each in ("p1", "p2"))
    assert one.fingerprint != other.fingerprint


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "says", "rule", "verdict", "p"),
    [
        ("Paris", ("paris", "Paris.", "the PARIS"), "unanimous", "approve", 1.0),
        ("Lyon", ("paris", "Paris."), "unanimous", "reject", 0.0),
        ("Paris", ("Paris", "Lyon", "paris"), "unanimous", "abstain", None),
        ("Paris", ("Paris", "Lyon", "paris"), "majority", "approve", 2 / 3),
        ("Nice", ("Paris", "Lyon", "paris"), "majority", "reject", 1 / 3),
        ("Paris", ("Paris", "Lyon"), "majority", "abstain", None),
        ("Paris", ("Paris", "", BROKEN), "majority", "abstain", None),
        ("", ("", ""), "unanimous", "abstain", None),
    ],
)
def test_the_output_is_held_against_what_the_models_answer(
    output: str, says: Any, rule: Any, verdict: str, p: float | None
) -> None:
    result = answering(output, *says, rule=rule)
    assert (result.verdict, len(result.votes)) == (verdict, len(says))
    assert result.p_correct == (None if p is None else pytest.approx(p))


def test_meaning_by_embedding() -> None:
    def encode(texts: Sequence[str]) -> np.ndarray:
        return np.array(
            [[1.0, 0.0] if "seine" in text.lower() or "paris" in text.lower() else [0.0, 1.0] for text in texts]
        )

    options = {"encode": encode, "same_meaning_at": 0.9}
    assert answering("Paris", "The city on the Seine", "paris", **options).verdict == "approve"
    assert answering("Paris", "The city on the Rhone", "paris", **options).verdict == "abstain"
    with pytest.raises(InputError, match="same_meaning_at"):
        answering("Paris", "a", "b", same_meaning_at=0.9)


class Comparer:
    """Says that all answers but Lyon mean the same, for a cent a pair; Rome breaks it."""

    name, fingerprint = "same", "f-same"

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    async def equivalent(
        self, query: str, first: str, second: str, *, item_id: str = "", project: str = ""
    ) -> JudgeVerdict:
        assert (query, item_id) == (ITEM.query, ITEM.id)
        self.pairs.append((first, second))
        if "Rome" in (first, second):
            raise BROKEN
        said = "abstain" if "Lyon" in (first, second) else "approve"
        return JudgeVerdict(judge=self.name, project=project, verdict=said, cost_usd=Decimal("0.01"), calls=2)


def test_meaning_by_a_judge_of_equivalence_and_its_silence_is_a_difference() -> None:
    assert answering("Paris", "City of Light", "paris", same_meaning=Comparer()).verdict == "approve"
    assert answering("Paris", "Lyon", "paris", same_meaning=Comparer()).verdict == "abstain"
    assert answering("Paris", "Rome", "paris", same_meaning=Comparer()).verdict == "abstain"


def test_comparing_is_paid_for_and_only_asked_where_texts_differ() -> None:
    comparer = Comparer()
    result = answering("Paris", "City of Light", "paris", "", same_meaning=comparer)
    assert sorted(map(sorted, comparer.pairs)) == [["City of Light", "Paris"], ["City of Light", "paris"]]
    assert (result.calls, result.cost_usd) == (3 + 4, Decimal("0.05"))
    assert answering("Paris", "Rome", "paris", same_meaning=Comparer()).cost_usd is None
    plain, by_judge = answering("Paris", "paris", "paris"), answering("Paris", "a", "b", same_meaning=comparer)
    assert plain.fingerprint != by_judge.fingerprint


def test_a_member_that_does_not_answer_in_time_abstains() -> None:
    result = answering("Paris", "Paris", "Paris", "silence", timeout_seconds=0.02)
    assert (result.verdict, result.cost_usd) == ("approve", None)


NORMAL = [
    ("The Beatles!", "beatles"),
    ("  New   York ", "new york"),
    ("vitamin A", "vitamin a"),
    ("a dog", "dog"),
    ("3.5", "3.5"),
    ("-40", "-40"),
    ("1,000,000 people", "1000000 people"),
    ("May 18, 2018.", "may 18 2018"),
    ("ＡＢＣ１", "abc1"),
    ("Straße", "strasse"),
    ("München", "münchen"),
    ("東京。", "東京"),
    ("הַשָּׁלוֹם", "הַשָּׁלוֹם"),
    ("don't", "dont"),
    ("50%", "50%"),
    ("?!", "?!"),
    ("the", "the"),
]


@pytest.mark.parametrize(("text", "normal"), NORMAL)
def test_normalised_answers(text: str, normal: str) -> None:
    assert normalise_answer(text) == normal or normalise_answer(text) == normalise_answer(normal)


@pytest.mark.parametrize(
    ("one", "other"), [("3.5", "35"), ("-40", "40"), ("vitamin A", "vitamin"), ("c", "c#"), ("50%", "50")]
)
def test_what_is_different_stays_different(one: str, other: str) -> None:
    assert normalise_answer(one) != normalise_answer(other)


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert isinstance(normalise_answer(text), str)
    assert normalise_answer(f" {text}\n") == normalise_answer(text)


def test_an_answer_in_a_sentence() -> None:
    assert contains_answer("It came out on May 18, 2018.", "may 18 2018")
    assert not contains_answer("It came out on May 18, 20181.", "May 18, 2018")
    assert not contains_answer("anything", "")
    assert same_text(["It is Paris.", "Paris"], contained=True).all()
    assert not same_text(["", ""]).any()


def test_cosines() -> None:
    same = same_direction(np.array([[1, 0], [2, 0.1], [0, 1], [0, 0]]), 0.9)
    assert same.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    with pytest.raises(InputError):
        same_direction(np.array([[np.nan]]), 0.9)


def test_chains_are_not_followed() -> None:
    chain = np.eye(4, dtype=bool)
    for i in range(3):
        chain[i, i + 1] = chain[i + 1, i] = True
    assert clusters(chain) == ((0, 1), (2, 3))
    assert clusters(np.zeros((0, 0), dtype=bool)) == ()
    assert clusters(np.ones((3, 3), dtype=bool)) == ((0, 1, 2),)


@given(st.integers(1, 8), st.randoms(use_true_random=False))
def test_clusters_are_a_partition_and_their_largest_size_ignores_the_order(n: int, random: Any) -> None:
    same = np.eye(n, dtype=bool)
    for i in range(n):
        for j in range(i):
            same[i, j] = same[j, i] = random.random() < 0.6
    found = clusters(same)
    assert sorted(each for cluster in found for each in cluster) == list(range(n))
    assert all(same[i, j] for cluster in found for i in cluster for j in cluster)
    order = random.sample(range(n), n)
    assert len(clusters(same[np.ix_(order, order)])[0]) == len(found[0])
