"""Few-shot for a judge from what people decided: balanced, and never about the document or question that is judged.

Public: `choose_examples`, `snapshot_digest`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hitl_core.domain.records import GoldenExample, Item, Passage, canonical_json
from hitl_core.judging.judge.injection import instruction_like
from hitl_core.judging.judge.prompt import Prompt
from hitl_core.judging.judge.rendering import Subject, subject_of

GROUP_KEYS = ("group", "group_id", "document", "document_id", "doc_id", "question_id")
_NO_WORD = re.compile(r"\W+")


def choose_examples(
    candidates: Iterable[GoldenExample],
    item: Item,
    prompt: Prompt,
    *,
    k: int,
    sample: int = 0,
    groups: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], ...]:
    """Return at most k records with verdicts, half approved outputs and half outputs that people corrected.

    Left out are examples that share with the item: the query (but for case and punctuation), the item itself, its
    output, a passage, the source of a passage, or the group (metadata key group, document_id, ...); and examples whose
    text speaks to the judge. Where one label is missing there are none: a one-sided set teaches a verdict.

    Args:
        candidates: golden examples, the snapshot.
        item: what is judged.
        prompt: knows the fields of a record and its problems.
        k: how many to show.
        sample: number of the annotator; each sees another set in another order.
        groups: group of each example by its id, where the caller knows it.
    """
    if k < 2:
        return ()
    usable = [each for each in candidates if _apart(each, item, groups or {}) and not _speaks_to_judge(each)]
    usable.sort(key=lambda each: _place(each, item, sample))
    approved = [each for each in usable if not _corrected(each)]
    corrected = [each for each in usable if _corrected(each)]
    half = min(k // 2, len(approved), len(corrected))
    chosen = approved[:half] + corrected[:half]
    chosen.sort(key=lambda each: _place(each, item, sample + 1_000_003))
    return tuple(_shown(each, prompt) for each in chosen)


def snapshot_digest(candidates: Iterable[GoldenExample]) -> str:
    """Return the SHA-256 (hex) of what a judge may be shown, whatever its order; empty for none."""
    rows = sorted(canonical_json(each.model_dump(mode="json", exclude={"created_at"})) for each in candidates)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest() if rows else ""


def _corrected(example: GoldenExample) -> bool:
    return example.model_output is not None and _folded(example.model_output) != _folded(example.output)


def _apart(example: GoldenExample, item: Item, groups: Mapping[str, str]) -> bool:
    own_group = {str(item.metadata[key]) for key in GROUP_KEYS if item.metadata.get(key) not in (None, "")}
    return not (
        example.status != "active"
        or _folded(example.query) == _folded(item.query)
        or (example.item_id is not None and example.item_id == item.id)
        or _folded(item.output) in {_folded(example.output), _folded(example.model_output or "")}
        or _sources(example.context) & _sources(item.context)
        or groups.get(example.id) in own_group
    )


def _sources(passages: Sequence[Passage]) -> set[tuple[str, str]]:
    texts = {("text", _folded(each.text)) for each in passages}
    return texts | {("source", each.source.strip().casefold()) for each in passages if each.source.strip()}


def _speaks_to_judge(example: GoldenExample) -> bool:
    texts = [example.query, example.output, example.model_output or "", *(each.text for each in example.context)]
    return any(instruction_like(text) for text in texts)


def _shown(example: GoldenExample, prompt: Prompt) -> dict[str, Any]:
    wrong = _corrected(example)
    output = example.model_output if wrong and example.model_output is not None else example.output
    # The corrected output is a reference of its own; a prompt without references does not ask for it.
    told = {"references": [example.output]} if wrong else {}
    item = Item(query=example.query, context=example.context, output=output, metadata=told)
    record: Subject = subject_of(item, prompt)
    problems = [name for name in example.reasons if name in prompt.problems] if wrong else []
    return {"record": record.fields, "verdict": "no" if wrong else "yes", "problems": problems}


def _place(example: GoldenExample, item: Item, sample: int) -> str:
    return hashlib.sha256(f"{sample}:{_folded(item.query)}:{item.output}:{example.id}".encode()).hexdigest()


def _folded(text: str) -> str:
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
