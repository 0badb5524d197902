"""The demo set: the items of a fictional company's assistant, their labels, and which of them wait for a person.

The history that is made from it is in `demo_history`, what is true of that in `demo_truth`; nothing here touches a
database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from hitl_core.domain.errors import NotFoundError
from hitl_core.domain.records import Item, Record

PENDING = 25
ATTACK = "attack"
"""The group of items whose text speaks to the judge; they always wait for a person."""
PACKAGED_DATA = "demo_data"


class DemoLabel(Record):
    """The truth about a demo item. `output` is the corrected text of an edit, `flaw` the error that was planted."""

    id: str
    verdict: Literal["approve", "edit", "reject"]
    reasons: tuple[str, ...] = ()
    output: str | None = None
    comment: str = ""
    flaw: str | None = None
    label: str | None = None


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


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _is_rich(item: Item) -> bool:
    return bool(item.alternatives or item.inputs or item.explanation)
