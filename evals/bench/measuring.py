"""Measuring an item when it is submitted: signals and the scorer's word, in milliseconds of processor time an item."""

from __future__ import annotations

import random
import time

from evals.bench.results import Aim, Part, Setup, median
from hitl_core.confidence.cold_start import cold_start_score
from hitl_core.confidence.scorer import FEATURES, Scorer
from hitl_core.confidence.signals import compute_signals
from hitl_core.domain.records import Item, Passage

ITEMS, ROUNDS = 300, 3
SHAPES = {"a claim, 200 words of passages": (25, 200, 1), "an answer, 1,000 words": (120, 1_000, 5)}
AIM_SHAPE = "a claim, 200 words of passages"
LONG = ("a page, 40,000 words of passages", 1_000, 40_000, 10)


def measure_signals(setup: Setup) -> list[Part]:
    """Time signals and scores of items of some sizes."""
    rows: list[list[object]] = []
    found = {}
    for name, (output, context, passages) in SHAPES.items():
        found[name] = per_item(output, context, passages, setup.size(ITEMS))
        rows.append([name, round(found[name], 2)])
    rows.append([LONG[0], round(per_item(*LONG[1:], 3), 1)])
    part = Part("Signals and score of an item", ("what", "CPU ms an item"), rows=rows)
    part.aims = [Aim(f"signals and score, {AIM_SHAPE}, CPU ms", found[AIM_SHAPE], 4.0)]
    return [part]


def per_item(output: int, context: int, passages: int, items: int) -> float:
    """Return the median of some rounds over made-up items, half of whose words are copied."""
    rng, scorer, times = random.Random(0), _scorer(), []  # noqa: S311 - made-up text, no secret
    made = [_item(rng, output, context, passages) for _ in range(items)]
    for _ in range(ROUNDS):
        began = time.process_time()
        for item in made:
            signals = compute_signals(item)
            scorer.score(signals)
            cold_start_score(signals)
        times.append(1000 * (time.process_time() - began) / items)
    return median(times)


def _item(rng: random.Random, output: int, context: int, passages: int) -> Item:
    texts = [_text(rng, context // passages) for _ in range(passages)]
    copied = texts[0].split()[: output // 2]
    return Item(
        query=_text(rng, 12),
        context=tuple(Passage(text=each) for each in texts),
        output=" ".join([*copied, _text(rng, output - len(copied))]),
    )


def _text(rng: random.Random, count: int) -> str:
    """Words drawn from five thousand, the first ones often; a name, a number and a full stop now and then."""
    drawn = []
    for place in range(count):
        word = f"w{int(5_000 * rng.random() ** 3):x}or"
        drawn.append(str(rng.randrange(10_000)) if place % 17 == 16 else word.title() if place % 23 == 22 else word)
        if place % 15 == 14:
            drawn[-1] += "."
    return " ".join(drawn)


def _scorer() -> Scorer:
    zeros, ones = (0.0,) * len(FEATURES), (1.0,) * len(FEATURES)
    return Scorer(FEATURES, zeros, ones, ones, 0.0, zeros, 1.0, 100, 50, 100, 0.8, 0.7, 0.9)
