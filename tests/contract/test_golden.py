"""Golden examples on SQLite and PostgreSQL: lineage, merging, undo, catching up, refusing stale indexes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import InputError, ModelUnavailableError, NotFoundError
from hitl_core.domain.records import GoldenExample, Item, Passage, Review
from hitl_core.golden import GoldenLibrary
from hitl_core.store import events, golden_vectors
from hitl_core.store.engine import Store
from hitl_core.store.tables import golden, golden_log
from tests.unit.golden.embedders import BrokenEmbedder, HashingEmbedder

QUESTIONS = {
    "refund": "When is a refund due after a return?",
    "refund2": "When is a refund due after a cancelled order?",
    "loan": "Who approves a loan above the limit?",
    "leave": "How many days of parental leave are there?",
}
MakeLibrary = Callable[..., GoldenLibrary]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def make(store: Store, tmp_path: Path) -> MakeLibrary:
    """Make libraries as several processes on one machine would have them."""

    def _make(embedder: HashingEmbedder | None = None, folder: Path | None = tmp_path / "index") -> GoldenLibrary:
        made = embedder or HashingEmbedder()
        return GoldenLibrary(store, lambda: made, folder, clock=ManualClock(datetime(2026, 3, 1, tzinfo=UTC)))

    return _make


@pytest.fixture
def library(make: MakeLibrary) -> GoldenLibrary:
    made = make()
    for name, question in QUESTIONS.items():
        made.add(question, f"Answer about {name}.", domain="hr" if name == "leave" else "shop")
    return made


def queries(library: GoldenLibrary, question: str, k: int = 4, **options: object) -> list[str]:
    return [shot.example.query for shot in library.few_shot(question, k, **options)]  # type: ignore[arg-type]


def item(item_id: str = "i1", **fields: object) -> Item:
    values = {"id": item_id, "query": "Is tea free?", "output": "No.", "project": "p", "context": "Tea is free."}
    return Item.model_validate(values | fields)


def edit(text: str = "Yes, tea is free.", **fields: object) -> Review:
    values = {"verdict": "edit", "output": text, "reasons": ["wrong_fact"], "reviewer": "ana"}
    return Review.model_validate(values | fields)


def record(store: Store, library: GoldenLibrary, of: Item, review: Review) -> str | None:
    with store.write() as tx:
        return library.record(tx, of, review)


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


def test_two_processes_see_each_others_additions_and_retirements(make: MakeLibrary) -> None:
    worker, web = make(), make()
    assert web.few_shot("Is tea free?") == []
    example = worker.add("Is tea free?", "Yes.")
    assert web.catch_up() == 1
    assert web.few_shot("Is tea free?")[0].method == "words"
    worker.embed_pending()
    web.catch_up()
    assert web.few_shot("Is tea free?")[0].method == "embedding"
    worker.retire(example.id, "outdated")
    web.catch_up()
    assert web.few_shot("Is tea free?") == []
    assert [one.status for one in web.list(status="retired")] == ["retired"]


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


def test_a_saved_index_is_used_and_brought_up_to_date(make: MakeLibrary, library: GoldenLibrary) -> None:
    library.embed_pending()
    library.close()
    library.add("Is tea free?", "Yes.")
    library.embed_pending()
    again = make()
    assert queries(again, "Is tea free?", 1) == ["Is tea free?"]
    assert queries(again, QUESTIONS["loan"], 1) == [QUESTIONS["loan"]]
    assert again.catch_up() == 0


@pytest.mark.parametrize("harm", ["torn", "ahead", "other"])
def test_an_index_that_does_not_fit_the_table_is_rebuilt(
    make: MakeLibrary, library: GoldenLibrary, store: Store, tmp_path: Path, harm: str
) -> None:
    library.embed_pending()
    library.close()
    [file] = (tmp_path / "index").glob("*.index")
    if harm == "torn":
        file.write_bytes(file.read_bytes()[:-100])
    with store.write() as tx:
        if harm == "ahead":  # the database was restored from an older backup
            tx.execute(sa.delete(golden_log).where(golden_log.c.op == "embed"))
        if harm == "other":  # another database with as many changes
            seq = golden_vectors.log_head(tx)
            there = golden_vectors.log_anchor(tx, seq)
            other = tx.execute(sa.select(golden.c.id).where(golden.c.id != there).limit(1)).scalar_one()
            tx.execute(sa.update(golden_log).where(golden_log.c.seq == seq).values(golden_id=other))
    again = make()
    found = again.few_shot(QUESTIONS["loan"], 4)
    assert {shot.example.query for shot in found} == set(QUESTIONS.values())
    assert found[0].method == "embedding"


def test_vectors_of_another_model_are_never_mixed_in(make: MakeLibrary, library: GoldenLibrary) -> None:
    library.embed_pending()
    other = make(HashingEmbedder("other"))
    assert {shot.method for shot in other.few_shot(QUESTIONS["loan"])} == {"words"}
    assert other.embed_pending() == 4
    assert other.few_shot(QUESTIONS["loan"], 1)[0].method == "embedding"
    assert len(library.few_shot(QUESTIONS["loan"])) == 4


def test_a_deleted_index_folder_costs_nothing_but_time(
    make: MakeLibrary, library: GoldenLibrary, tmp_path: Path
) -> None:
    library.embed_pending()
    library.close()
    shutil.rmtree(tmp_path / "index")
    assert queries(make(), QUESTIONS["loan"], 1) == [QUESTIONS["loan"]]


def test_four_threads_find_while_one_teaches(make: MakeLibrary) -> None:
    library = make(folder=None)
    library.add("What is question 0 about?", "Number 0.")
    library.embed_pending()
    stop = threading.Event()

    def look() -> set[str]:
        answers = set()
        while not stop.is_set():
            answers.add(library.few_shot("What is question 0 about?", 3)[0].example.output)
        return answers

    with ThreadPoolExecutor(4) as pool:
        looking = [pool.submit(look) for _ in range(4)]
        for number in range(1, 40):
            library.add(f"What is question {number} about?", f"Number {number}.")
            if number % 4 == 0:
                library.embed_pending()
        stop.set()
        assert [each.result() for each in looking] == [{"Number 0."}] * 4
    library.embed_pending()
    assert library.few_shot("What is question 37 about?", 1)[0].example.output == "Number 37."


def test_a_reader_misses_nothing_of_four_writers(store: Store, make: MakeLibrary) -> None:
    reader = make(folder=None)
    reader.few_shot("open")

    def write(writer: int) -> None:
        for number in range(15):
            with store.write() as tx:
                GoldenLibrary(store).record(tx, item(f"{writer}-{number}"), edit(f"Answer {writer} {number}"))

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, writer) for writer in range(4)]
        while not all(each.done() for each in writing):
            reader.catch_up()
        for each in writing:
            each.result()
    reader.catch_up()
    assert len(reader.few_shot("Is tea free?", 100)) == 60


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
