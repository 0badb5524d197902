"""A synthetic history made from the demo set: what came in over two months, and what four invented reviewers said.

Whether an answer is right is drawn from the curve in `demo_truth`, reviewers err at the rates written there. Each
output has draws of its own, so that the same outputs come whatever the present is; only their times differ.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from hitl_core.domain.clock import require_aware
from hitl_core.domain.labels import is_correct
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item
from hitl_core.integrations.demo import DemoLabel, demo_data_dir, pending
from hitl_core.integrations.demo_truth import (
    COMPLIANCE_SHARE,
    CONFIDENCE_POWER,
    CONFIDENCE_RANGE,
    DOMAINS,
    POLICY_CHANGE,
    REVIEWERS,
    SENIORS,
    SyntheticReviewer,
    model_shares,
    true_probability,
)

OUTPUTS = 3000
DAYS = 60
SEED = 7
POLICIES = ("history-launch.toml", "history-relaxed.toml")
OPENINGS = (
    "",
    "Quick question: ",
    "Hello, ",
    "Good morning. ",
    "Just to be sure. ",
    "A short one: ",
    "Thanks in advance. ",
)
TEAMS = (
    *("assembly", "calibration", "customer service", "facilities", "field service", "finance", "firmware"),
    *("logistics", "marketing", "metrology", "optics", "people operations", "purchasing", "quality", "sales"),
    "software",
)
PLACES = ("in Port Alder", "in Kestrel Bay", "at the Norrum plant", "in the Tilby office", "from home")


@dataclass(frozen=True)
class PlannedReview:
    """What a synthetic reviewer says about an output, if it comes to that reviewer."""

    verdict: Literal["approve", "edit", "reject"]
    reasons: tuple[str, ...]
    output: str | None
    label: str | None
    comment: str
    active_seconds: float


class Waits(NamedTuple):
    """Hours from the decision to the first and to the second opinion, to an audit, and from a dispute to its end."""

    first: float
    second: float
    audit: float
    ruling: float


@dataclass(frozen=True)
class HistoryStep:
    """One output with its truth: `probability` is the curve's value, `correct` what was drawn from it.

    `phase` says which of the policies was live, `raters` whom the first and the second opinion are meant for;
    `opinions` and `rulings` (of seniors who settle a dispute) are what each reviewer would say.
    """

    at: datetime
    item: Item
    base_id: str
    phase: int
    probability: float
    correct: bool
    raters: tuple[str, str]
    waits: Waits
    opinions: Mapping[str, PlannedReview] = field(repr=False)
    rulings: Mapping[str, PlannedReview] = field(repr=False)


def history_policies(folder: Path | None = None) -> tuple[Policy, Policy]:
    """Return the policy the history begins under, and the relaxed one that follows it."""
    launch, relaxed = (Policy.load((folder or demo_data_dir()) / name) for name in POLICIES)
    return launch, relaxed


def history(
    items: Sequence[Item],
    labels: Mapping[str, DemoLabel],
    *,
    now: datetime,
    days: int = DAYS,
    outputs: int = OUTPUTS,
    seed: int = SEED,
) -> Iterator[HistoryStep]:
    """Yield outputs from `days` days before `now` up to two days before it, in the order of time.

    Weekends are quieter. The same arguments give the same steps. Every item has `metadata["synthetic"] = True`, and no
    two ask the same question. The plan covers every item; replay its reviews only for items with a task.
    """
    bases = _bases(items, labels)
    asked: set[str] = set()
    for number, at in enumerate(_moments(require_aware(now, "now"), days, outputs, seed), start=1):
        rng = random.Random(f"{seed}:{number}")  # noqa: S311  a seeded simulation, not a secret
        yield _step(rng, bases, labels, number, at, (number - 1) / outputs, asked)


def staged_dispute(
    items: Sequence[Item], labels: Mapping[str, DemoLabel], *, at: datetime, seed: int = SEED
) -> HistoryStep:
    """Return an output on which two reviewers disagree, for the seniors to settle; it is written, not drawn."""
    rng = random.Random(f"{seed}:dispute")  # noqa: S311
    flawed = [item for item in _bases(items, labels)["legal", False] if labels[item.id].verdict == "edit"]
    base = flawed[0]
    label = labels[base.id]
    item = _variation(rng, base, label, "demo-dispute", at, 0.64, correct=False, asked=set())
    item = item.model_copy(update={"requires_compliance": False, "model": "assistant-large"})
    opinions = {"Bruno (synthetic)": _approval(48.0), "Dana (synthetic)": _correction(label, 60.0)}
    probability = true_probability(0.64, "legal", "assistant-large")
    waits = Waits(0.6, 1.1, 0.0, 0.0)
    return HistoryStep(at, item, base.id, 1, probability, False, tuple(opinions), waits, opinions, {})  # type: ignore[arg-type]


def _bases(items: Sequence[Item], labels: Mapping[str, DemoLabel]) -> dict[tuple[str, bool], list[Item]]:
    """Return the items that the history repeats, by domain and by whether a right (else a flawed) answer can be had."""
    held_out = {item.id for item in pending(items, labels)}
    found: dict[tuple[str, bool], list[Item]] = {(domain, right): [] for domain in DOMAINS for right in (True, False)}
    for item in items:
        if item.id not in held_out and item.domain in DOMAINS:
            if labels[item.id].verdict != "reject":
                found[item.domain, True].append(item)
            if not is_correct(labels[item.id].verdict, labels[item.id].reasons):
                found[item.domain, False].append(item)
    return found


def _moments(now: datetime, days: int, outputs: int, seed: int) -> Iterator[datetime]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # The last two dates stay free, so that every planned review lies before `now`.
    dates = [midnight - timedelta(days=ago) for ago in range(days, 1, -1)]
    weights = [0.5 if day.weekday() >= 5 else 1.2 for day in dates]
    whole, reached, given = sum(weights), 0.0, 0
    for number, (day, weight) in enumerate(zip(dates, weights, strict=True)):
        reached += weight
        count = round(outputs * reached / whole) - given
        given += count
        rng = random.Random(f"{seed}:day {number}")  # noqa: S311
        seconds = sorted(rng.uniform(8 * 3600, 18 * 3600) for _ in range(count))
        yield from (day + timedelta(seconds=round(second)) for second in seconds)


def _step(
    rng: random.Random,
    bases: Mapping[tuple[str, bool], Sequence[Item]],
    labels: Mapping[str, DemoLabel],
    number: int,
    at: datetime,
    position: float,
    asked: set[str],
) -> HistoryStep:
    low, high = CONFIDENCE_RANGE
    confidence = round(min(max(rng.random() ** (1 / CONFIDENCE_POWER), low), high), 3)
    domain = rng.choices(list(DOMAINS), [share for share, _ in DOMAINS.values()])[0]
    shares = model_shares(position)
    model = rng.choices(list(shares), list(shares.values()))[0]
    probability = true_probability(confidence, domain, model)
    correct = rng.random() < probability
    base = rng.choice(bases[domain, correct])
    label = labels[base.id]
    compliance = rng.random() < COMPLIANCE_SHARE and domain == "legal"
    item = _variation(rng, base, label, f"demo-h-{number:04d}", at, confidence, correct=correct, asked=asked)
    return HistoryStep(
        at=at,
        item=item.model_copy(update={"model": model, "requires_compliance": compliance}),
        base_id=base.id,
        phase=int(position >= POLICY_CHANGE),
        probability=probability,
        correct=correct,
        raters=_two_reviewers(rng),
        waits=Waits(_hours(rng, 1.0, 12), _hours(rng, 1.5, 12), _hours(rng, 5.0, 24), _hours(rng, 2.0, 12)),
        opinions={who.name: _review(rng, who, label, correct) for who in REVIEWERS},
        rulings={who.name: _review(rng, who, label, correct) for who in SENIORS},
    )


def _variation(
    rng: random.Random,
    base: Item,
    label: DemoLabel,
    item_id: str,
    at: datetime,
    confidence: float,
    *,
    correct: bool,
    asked: set[str],
) -> Item:
    """Ask the base's question as somebody else, and answer it rightly or wrongly.

    The options and the explanation argue for the base's own output, so they do not belong to a variation. Nothing that
    a rule or the queue's order acts on is kept: who looks at an output must not depend on whether it is right.
    """
    query = _question(rng, base.query)
    while query in asked:
        query = _question(rng, base.query)
    asked.add(query)
    corrected = correct and label.verdict == "edit"
    return base.model_copy(
        update={
            "id": item_id,
            "query": query,
            "output": label.output if corrected else base.output,
            "label": label.label if corrected else base.label,
            "confidence": confidence,
            "created_at": at,
            "alternatives": (),
            "explanation": None,
            "amount": None,
            "impact": None,
            "metadata": {**base.metadata, "synthetic": True, "base": base.id},
        }
    )


def _question(rng: random.Random, query: str) -> str:
    return f"{rng.choice(OPENINGS)}I work in {rng.choice(TEAMS)}, {rng.choice(PLACES)}. {query}"


def _two_reviewers(rng: random.Random) -> tuple[str, str]:
    first = rng.choices(REVIEWERS, [who.share for who in REVIEWERS])[0]
    others = [who for who in REVIEWERS if who is not first]
    return first.name, rng.choices(others, [who.share for who in others])[0].name


def _hours(rng: random.Random, median: float, most: float) -> float:
    return round(min(rng.lognormvariate(math.log(median), 0.9), most), 4)


def _review(rng: random.Random, who: SyntheticReviewer, label: DemoLabel, correct: bool) -> PlannedReview:
    errs = rng.random() < (who.false_alarm_rate if correct else who.miss_rate)
    seconds = round(who.median_seconds * rng.lognormvariate(0.0, 0.5), 1)
    if correct != errs:
        return _approval(seconds)
    if correct:
        return PlannedReview("reject", ("other",), None, None, "I would not send this out.", seconds)
    return _correction(label, seconds)


def _approval(seconds: float) -> PlannedReview:
    return PlannedReview("approve", (), None, None, "", seconds)


def _correction(label: DemoLabel, seconds: float) -> PlannedReview:
    return PlannedReview(label.verdict, label.reasons, label.output, label.label, label.comment, seconds)
