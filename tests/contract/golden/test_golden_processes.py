"""Several processes and threads on one table: catching up, saved indexes, refusing stale ones."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from hitl_core.golden import GoldenLibrary
from hitl_core.store import golden_vectors
from hitl_core.store.engine import Store
from hitl_core.store.tables import golden, golden_log
from tests.contract.golden.samples import QUESTIONS, MakeLibrary, edit, item, queries
from tests.unit.golden.embedders import HashingEmbedder


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
