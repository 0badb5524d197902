"""Golden examples on SQLite and PostgreSQL: lineage, merging, undo, finding, refusing bad input."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from hitl_core.domain.errors import InputError, ModelUnavailableError, NotFoundError
from hitl_core.domain.records import GoldenExample, Passage, Review
from hitl_core.golden import GoldenLibrary
from hitl_core.store import events
from hitl_core.store.engine import Store
from hitl_core.store.tables import golden
from tests.contract.golden.samples import QUESTIONS, MakeLibrary, edit, item, queries, record
from tests.unit.golden.embedders import BrokenEmbedder, HashingEmbedder


def test_an_accepted_edit_becomes_golden_with_its_lineage(store: Store, library: GoldenLibrary) -> None:
    review = edit()
    golden_id = record(store, library, item(domain="office"), review)
    [shot] = library.few_shot("Is the tea free?", 1, project="p")
    assert shot.example == GoldenExample(
        id=golden_id or "",
        project="p",
        query="Is tea free?",
        context=(Passage(text="Tea is free."),),
        output="Yes, tea is free.",
        model_output="No.",
        domain="office",
        item_id="i1",
        review_id=review.id,
        reviewer="ana",
        reasons=("wrong_fact",),
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    with store.read() as tx:
        newest = events.latest(tx, limit=1)[0]
    assert (newest["kind"], newest["project"], newest["data"]["review_id"]) == ("golden.added", "p", review.id)


@pytest.mark.parametrize(
    ("review", "output"),
    [
        (Review(verdict="approve", exemplary=True), "No."),
        (Review(verdict="approve"), None),
        (Review(verdict="reject", reasons=("unsafe",)), None),
    ],
)
def test_only_exemplary_approvals_and_edits_teach(
    store: Store, make: MakeLibrary, review: Review, output: str | None
) -> None:
    library = make()
    assert (record(store, library, item(), review) is None) is (output is None)
    assert [example.output for example in library.list()] == ([output] if output else [])


def test_a_review_that_is_rolled_back_teaches_nothing(store: Store, make: MakeLibrary) -> None:
    library = make()
    with store.engine.connect() as tx:
        library.record(tx, item(), edit())
        tx.rollback()
    assert library.list() == []
    assert library.few_shot("Is tea free?") == []


def test_the_same_text_again_is_merged_with_its_lineage_kept(store: Store, make: MakeLibrary) -> None:
    library = make()
    first = record(store, library, item("i1"), edit())
    second = record(store, library, item("i2", query="Is  TEA free?"), edit("yes, tea is free."))
    assert second == first
    assert len(library.list()) == 1
    assert library.few_shot("Is tea free?", exclude_item="i2") == []
    assert queries(library, "Is tea free?", exclude_item="i3") == ["Is tea free?"]


def test_undoing_one_of_two_equal_corrections_leaves_the_other(store: Store, make: MakeLibrary) -> None:
    library = make()
    first, second = edit(), edit()
    record(store, library, item("i1"), first)
    record(store, library, item("i2"), second)
    with store.write() as tx:
        library.retire_for_review(tx, first.id)
    [shot] = library.few_shot("Is tea free?")
    assert shot.example.item_id == "i2"
    with store.write() as tx:
        library.retire_for_review(tx, second.id)
    assert library.few_shot("Is tea free?") == []
    with store.read() as tx:
        assert set(tx.execute(sa.select(golden.c.retired_reason)).scalars()) == {"review undone"}


def test_undo_retires_an_embedded_example_at_once(store: Store, make: MakeLibrary) -> None:
    library = make()
    review = edit()
    record(store, library, item(), review)
    library.embed_pending()
    assert library.few_shot("Is tea free?")[0].method == "embedding"
    with store.write() as tx:
        library.retire_for_review(tx, review.id)
    assert library.few_shot("Is tea free?") == []


def test_never_the_item_itself_only_in_its_own_project(store: Store, make: MakeLibrary) -> None:
    library = make()
    record(store, library, item("same"), edit())
    record(store, library, item("same", project="q"), edit())
    library.embed_pending()
    found = library.few_shot("Is tea free?", exclude_item="same", project="p")
    assert found == []
    assert library.few_shot("Is tea free?", exclude_item="same") == []
    assert len(library.few_shot("Is tea free?", exclude_item="other")) == 2


def test_until_it_is_embedded_an_example_is_found_by_its_words(library: GoldenLibrary) -> None:
    by_words = library.few_shot("refund after a return", 1)
    assert [(shot.example.query, shot.method) for shot in by_words] == [(QUESTIONS["refund"], "words")]
    assert library.embed_pending() == 4
    assert library.embed_pending() == 0
    by_meaning = library.few_shot(QUESTIONS["loan"], 1)
    assert [(shot.example.query, shot.method) for shot in by_meaning] == [(QUESTIONS["loan"], "embedding")]
    assert by_meaning[0].similarity == pytest.approx(1, abs=1e-5)
    library.add("Who approves overtime?", "The lead.")
    assert "Who approves overtime?" in queries(library, "Who approves overtime on Sundays?")


def test_words_never_ask_for_the_model(make: MakeLibrary) -> None:
    embedder = HashingEmbedder()
    library = make(embedder)
    library.add("When is a refund due?", "Soon.")
    library.embed_pending()
    embedder.encoded.clear()
    [shot] = library.few_shot("refund?", method="words")
    assert (shot.method, embedder.encoded) == ("words", [])


def test_without_a_model_everything_is_found_by_words(make: MakeLibrary, library: GoldenLibrary) -> None:
    library.embed_pending()
    broken = make(BrokenEmbedder("hashing"))
    [shot] = broken.few_shot("refund after a return", 1)
    assert (shot.example.query, shot.method) == (QUESTIONS["refund"], "words")
    assert "no weights" in broken.problem
    with pytest.raises(ModelUnavailableError):
        broken.warm()
    assert library.problem == ""


def test_filters_hold_for_words_and_meaning(library: GoldenLibrary) -> None:
    for _ in range(2):
        assert queries(library, "How many days until a refund is due?", domain="hr") == [QUESTIONS["leave"]]
        assert queries(library, "refund", project="elsewhere") == []
        assert queries(library, QUESTIONS["refund"], min_similarity=0.99) == [QUESTIONS["refund"]]
        library.embed_pending()


def test_near_duplicates_by_meaning_are_merged_by_the_worker(store: Store, make: MakeLibrary) -> None:
    library = make()
    answer = "A refund is due within 30 days of the return and is paid to the card that was used for the purchase."
    older = library.add("When is a refund due?", answer)
    library.embed_pending()
    library.add("When is a refund due?", answer.replace(".", " !"))
    library.add("When is a refund due?", answer.replace("30", "60"))
    library.embed_pending()
    assert sorted(example.output for example in library.list()) == sorted([answer, answer.replace("30", "60")])
    with store.read() as tx:
        assert tx.execute(sa.select(golden.c.merged_into).where(golden.c.status == "merged")).scalars().all() == [
            older.id
        ]
    assert len(library.few_shot("When is a refund due?")) == 2


def test_duplicates_of_one_batch_are_merged_into_the_oldest(make: MakeLibrary) -> None:
    library = make()
    answer = "Ask the lead of your own team in writing before the month begins and keep the reply that you get"
    first = library.add("Who approves overtime?", answer)
    for end in (".", "!", "…"):
        library.add("Who approves overtime?", answer + end)
    library.embed_pending()
    assert [example.id for example in library.list()] == [first.id]


def test_search_finds_words_of_the_answer_too(library: GoldenLibrary) -> None:
    library.add("Is there a fee?", "A handling fee of 5 % applies.", project="p")
    library.embed_pending()
    assert library.search("HANDLING")[0].example.output.startswith("A handling fee")
    assert library.search("100% handling", project="p")[0].example.project == "p"
    assert [shot.example.query for shot in library.search(QUESTIONS["leave"], domain="hr")] == [QUESTIONS["leave"]]
    assert len(library.search(QUESTIONS["refund"], limit=2)) == 2


def test_listing_pages_through_everything(library: GoldenLibrary) -> None:
    newest_first = list(reversed(QUESTIONS.values()))
    assert [example.query for example in library.list()] == newest_first
    page = library.list(limit=2)
    assert [example.query for example in library.list(before=page[-1].id)] == newest_first[2:]
    assert [example.query for example in library.iterate()] == newest_first
    assert (library.count(), library.count(project="p"), library.count(status="retired")) == (4, 0, 0)


def test_messages_end_with_the_question(library: GoldenLibrary) -> None:
    library.embed_pending()
    messages = library.messages(QUESTIONS["loan"], 2, instructions="Be brief.", domain="shop")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert messages[-2]["content"] == "Answer about loan."
    assert messages[-1]["content"] == QUESTIONS["loan"]


def test_a_vector_at_hand_saves_the_model(make: MakeLibrary, library: GoldenLibrary) -> None:
    embedder = HashingEmbedder()
    other = make(embedder)
    library.embed_pending()
    vector = HashingEmbedder().encode([QUESTIONS["loan"]])[0]
    assert queries(other, "ignored words", 1, vector=vector) == [QUESTIONS["loan"]]
    assert embedder.encoded == []
    with pytest.raises(InputError, match="shape"):
        other.few_shot("x", vector=np.zeros(3, dtype=np.float32))


def test_writes_carry_the_name_of_who_did_it(store: Store, library: GoldenLibrary) -> None:
    example = library.acting_as("ana").add("Is tea free?", "Yes.")
    library.acting_as("bo").retire(example.id, "wrong")
    with store.read() as tx:
        newest = events.latest(tx, limit=2)
    assert [(event["kind"], event["actor"]) for event in newest] == [("golden.retired", "bo"), ("golden.added", "ana")]
    assert example.reviewer == "ana"


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        ("  ", {}, "empty"),
        ("nul \x00", {}, "NUL"),
        ("lone \ud800", {}, "surrogate"),
        ("x", {"k": -1}, "k is -1"),
        ("x", {"method": "magic"}, "'auto' or 'words'"),
        ("x", {"min_similarity": float("nan")}, "from -1 to 1"),
    ],
)
def test_bad_questions_are_refused(library: GoldenLibrary, query: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        library.few_shot(query, **options)  # type: ignore[arg-type]


def test_bad_examples_are_refused(library: GoldenLibrary) -> None:
    with pytest.raises(InputError, match="output is empty"):
        library.add("Is tea free?", " ")
    with pytest.raises(InputError, match="NUL"):
        library.add("Is tea free?\x00", "Yes.")
    with pytest.raises(NotFoundError, match="hitl golden list"):
        library.retire("unknown")
    assert library.count() == len(QUESTIONS)
