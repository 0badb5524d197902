"""The demo set and a synthetic history made from it, whose truth is known; nothing here touches a database.

The history exists to check the product's own figures: whether an answer is right is drawn from a calibration curve
that is written down here, and every reviewer errs at a rate that is written down here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from hitl_core.domain.clock import require_aware
from hitl_core.domain.errors import NotFoundError
from hitl_core.domain.records import Item, Record

TRUE_INTERCEPT = -0.1
TRUE_SLOPE = 0.55
"""P(answer is right) = sigmoid(TRUE_INTERCEPT + TRUE_SLOPE * logit(confidence)): too sure of itself above 0.45."""
CONFIDENCE_BETA = (6.0, 1.6)
CONFIDENCE_RANGE = (0.3, 0.99)
SECOND_OPINION_RATE = 0.15
PENDING = 25
ATTACK = "attack"
"""The group of items whose text speaks to the judge; they always wait for a person."""
PACKAGED_DATA = "demo_data"
OPENINGS = ("", "", "Quick question: ", "Hello, ", "For my team: ", "Just to be sure: ", "A new colleague asks: ")


class DemoLabel(Record):
    """The truth about a demo item. `output` is the corrected text of an edit, `flaw` the error that was planted."""

    id: str
    verdict: Literal["approve", "edit", "reject"]
    reasons: tuple[str, ...] = ()
    output: str | None = None
    comment: str = ""
    flaw: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class SyntheticReviewer:
    """A reviewer who errs at known rates.

    `miss_rate` is P(approve | answer is flawed), `false_alarm_rate` P(reject | answer is right), `share` the part of
    the work that comes first to this reviewer; active time is log-normal around `median_seconds` with sigma 0.5.
    """

    name: str
    miss_rate: float
    false_alarm_rate: float
    median_seconds: float
    share: float


REVIEWERS = (
    SyntheticReviewer("Ana (synthetic)", 0.04, 0.02, 75.0, 0.30),
    SyntheticReviewer("Bruno (synthetic)", 0.12, 0.05, 48.0, 0.30),
    SyntheticReviewer("Chidi (synthetic)", 0.28, 0.03, 26.0, 0.25),
    SyntheticReviewer("Dana (synthetic)", 0.08, 0.15, 60.0, 0.15),
)


@dataclass(frozen=True)
class PlannedReview:
    """What a synthetic reviewer will decide, at a time after the submission, if the item comes to a person at all."""

    at: datetime
    reviewer: str
    verdict: Literal["approve", "edit", "reject"]
    reasons: tuple[str, ...]
    output: str | None
    label: str | None
    comment: str
    active_seconds: float


@dataclass(frozen=True)
class HistoryStep:
    """One submission with its truth: `probability` is the curve's value, `correct` what was drawn from it."""

    at: datetime
    item: Item
    base_id: str
    probability: float
    correct: bool
    review: PlannedReview
    second: PlannedReview | None


def demo_data_dir() -> Path:
    """Return the folder with items.jsonl and labels.jsonl: of the checkout, else of the installed package.

    Raises:
        NotFoundError: neither folder holds the demo set.
    """
    package = Path(__file__).resolve().parents[1]
    folders = (package.parent / "data" / "demo", package / PACKAGED_DATA)
    for folder in folders:
        if (folder / "items.jsonl").is_file():
            return folder
    raise NotFoundError(f"the demo set is missing: items.jsonl is in none of {', '.join(map(str, folders))}")


def load_demo(folder: Path | None = None) -> tuple[list[Item], dict[str, DemoLabel]]:
    """Return the demo items in file order and their labels by item id."""
    folder = folder or demo_data_dir()
    items = [Item.model_validate_json(line) for line in _lines(folder / "items.jsonl")]
    labels = [DemoLabel.model_validate_json(line) for line in _lines(folder / "labels.jsonl")]
    return items, {label.id: label for label in labels}


def true_probability(confidence: float) -> float:
    """Return P(answer is right) in the synthetic history for a confidence strictly between 0 and 1."""
    logit = math.log(confidence / (1 - confidence))
    return 1 / (1 + math.exp(-(TRUE_INTERCEPT + TRUE_SLOPE * logit)))


def pending(items: Sequence[Item], labels: Mapping[str, DemoLabel], *, count: int = PENDING) -> list[Item]:
    """Return up to `count` demo items that the history leaves alone, to be submitted as they are on the last day.

    Groups (`metadata["group"]`) take turns: from one comes a question whose sibling was corrected in the history, so
    that a few-shot example awaits it; from the next comes a flawed answer that a person still has to find. Groups
    with options, forms or explanations go first. Items that the default policy would approve by itself are not taken.
    Items whose text attacks the judge come last, beside the `count`.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(str(item.metadata.get("group", item.id)), []).append(item)
    chosen: list[Item] = []
    usual = [group for name, group in groups.items() if name != ATTACK]
    for turn, group in enumerate(sorted(usual, key=lambda group: not any(map(_is_rich, group)))):
        doubtful = [item for item in group if item.confidence is None or item.confidence < 0.95]
        taught = [item for item in doubtful if any(labels[o.id].verdict == "edit" for o in group if o is not item)]
        flawed = [item for item in doubtful if labels[item.id].verdict != "approve"]
        chosen += flawed[-1:] if turn % 2 else taught[-1:]
    return chosen[:count] + groups.get(ATTACK, [])


def history(
    items: Sequence[Item],
    labels: Mapping[str, DemoLabel],
    *,
    now: datetime,
    days: int = 60,
    per_day: float = 10.0,
    seed: int = 7,
) -> Iterator[HistoryStep]:
    """Yield submissions from `days` days before `now` up to two days before it, in the order of time.

    `per_day` is the mean over a week; weekends are quieter. The same arguments give the same steps. Every item has
    `metadata["synthetic"] = True`. The plan covers every item; replay its reviews only for items with a task.
    """
    rng = random.Random(seed)  # noqa: S311  a seeded simulation, not a secret
    held_out = {item.id for item in pending(items, labels)}
    bases = [item for item in items if item.id not in held_out]
    right = [item for item in bases if labels[item.id].verdict != "reject"]
    wrong = [item for item in bases if labels[item.id].verdict != "approve"]
    for number, at in enumerate(_moments(rng, require_aware(now, "now"), days, per_day), start=1):
        confidence = round(min(max(rng.betavariate(*CONFIDENCE_BETA), CONFIDENCE_RANGE[0]), CONFIDENCE_RANGE[1]), 3)
        probability = true_probability(confidence)
        correct = rng.random() < probability
        base = rng.choice(right if correct else wrong)
        item = _variation(rng, base, labels[base.id], number, at, confidence, correct)
        first, other = _two_reviewers(rng)
        review = _review(rng, first, labels[base.id], correct, at, max_hours=20)
        has_second = rng.random() < SECOND_OPINION_RATE
        second = _review(rng, other, labels[base.id], correct, review.at, max_hours=4) if has_second else None
        yield HistoryStep(at, item, base.id, probability, correct, review, second)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _is_rich(item: Item) -> bool:
    return bool(item.alternatives or item.inputs or item.explanation)


def _moments(rng: random.Random, now: datetime, days: int, per_day: float) -> Iterator[datetime]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # The last two dates stay free, so that every planned review lies before `now`.
    for ago in range(days, 1, -1):
        day = midnight - timedelta(days=ago)
        count = round(per_day * (0.5 if day.weekday() >= 5 else 1.2))
        seconds = sorted(rng.uniform(8 * 3600, 18 * 3600) for _ in range(count))
        yield from (day + timedelta(seconds=round(second)) for second in seconds)


def _variation(
    rng: random.Random, base: Item, label: DemoLabel, number: int, at: datetime, confidence: float, correct: bool
) -> Item:
    # The options and the explanation argue for the base's own output, so they do not belong to a variation.
    corrected = correct and label.verdict == "edit"
    return base.model_copy(
        update={
            "id": f"demo-h-{number:04d}",
            "query": rng.choice(OPENINGS) + base.query,
            "output": label.output if corrected else base.output,
            "label": label.label if corrected else base.label,
            "confidence": confidence,
            "created_at": at,
            "alternatives": (),
            "explanation": None,
            "metadata": {**base.metadata, "synthetic": True, "base": base.id},
        }
    )


def _two_reviewers(rng: random.Random) -> tuple[SyntheticReviewer, SyntheticReviewer]:
    first = rng.choices(REVIEWERS, [reviewer.share for reviewer in REVIEWERS])[0]
    return first, rng.choice([reviewer for reviewer in REVIEWERS if reviewer is not first])


def _review(
    rng: random.Random, who: SyntheticReviewer, label: DemoLabel, correct: bool, after: datetime, *, max_hours: float
) -> PlannedReview:
    errs = rng.random() < (who.false_alarm_rate if correct else who.miss_rate)
    at = after + timedelta(hours=round(min(rng.lognormvariate(math.log(1.5), 1.0), max_hours), 4))
    seconds = round(who.median_seconds * rng.lognormvariate(0.0, 0.5), 1)
    if correct != errs:
        return PlannedReview(at, who.name, "approve", (), None, None, "", seconds)
    if correct:
        return PlannedReview(at, who.name, "reject", ("other",), None, None, "I would not send this out.", seconds)
    return PlannedReview(at, who.name, label.verdict, label.reasons, label.output, label.label, label.comment, seconds)
