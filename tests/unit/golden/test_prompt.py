"""Chat messages inside a budget."""

import pytest

from hitl_core.domain.errors import InputError
from hitl_core.domain.records import FewShot, GoldenExample, Passage
from hitl_core.golden.prompt import build_messages, estimate_tokens


def shot(name: str, similarity: float, length: int = 30) -> FewShot:
    passage = Passage(text=f"source of {name}", title="Handbook")
    example = GoldenExample(query=f"Q {name}", output=name * length, context=(passage,))
    return FewShot(example=example, similarity=similarity, method="embedding")


def cost(messages: list[dict[str, str]]) -> int:
    return sum(4 + estimate_tokens(message["content"]) for message in messages)


def test_the_closest_example_stands_next_to_the_question() -> None:
    messages = build_messages("now?", [shot("a", 0.9), shot("b", 0.5)], instructions="Be brief.")
    assert [(message["role"], message["content"][:3]) for message in messages] == [
        ("system", "Be "),
        ("user", "Q b"),
        ("assistant", "bbb"),
        ("user", "Q a"),
        ("assistant", "aaa"),
        ("user", "now"),
    ]


def test_the_least_similar_leaves_first_and_whole() -> None:
    shots = [shot("a", 0.9), shot("b", 0.8), shot("c", 0.7)]
    full = build_messages("now?", shots, max_tokens=10_000)
    assert len(build_messages("now?", shots, max_tokens=cost(full))) == 7
    less = build_messages("now?", shots, max_tokens=cost(full) - 1)
    assert [message["content"] for message in less] == [message["content"] for message in full[2:]]
    assert cost(less) <= cost(full) - 1


def test_a_question_that_does_not_fit_is_refused_not_shortened() -> None:
    alone = cost(build_messages("x" * 300, []))
    assert alone == 104
    assert len(build_messages("x" * 300, [], max_tokens=alone)) == 1
    with pytest.raises(InputError, match="needs about 104 tokens, max_tokens is 103"):
        build_messages("x" * 300, [], max_tokens=alone - 1)


def test_with_a_context_examples_show_theirs() -> None:
    messages = build_messages("now?", [shot("a", 0.9)], context=[Passage(text="fresh source")])
    assert messages[0]["content"] == "Context:\n[1] Handbook: source of a\n\nQuestion: Q a"
    assert messages[-1]["content"] == "Context:\n[1] fresh source\n\nQuestion: now?"
    assert build_messages("now?", [shot("a", 0.9)])[0]["content"] == "Q a"


def test_the_estimate_counts_bytes() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "abc", "abcd", "返金")] == [0, 1, 1, 2, 2]
