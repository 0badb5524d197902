"""Rows kept in memory: the least recently used leave, by number and by size."""

from hitl_core.domain.records import GoldenExample
from hitl_core.golden.row_cache import RowCache


def example(key: str, size: int = 10) -> GoldenExample:
    return GoldenExample(id=key, query="", output="x" * size)


def test_the_least_recently_used_leaves() -> None:
    cache = RowCache(rows=2)
    cache.put_many([example("a"), example("b")])
    assert list(cache.get_many(["a", "unknown"])) == ["a"]
    cache.put_many([example("c")])
    assert set(cache.get_many(["a", "b", "c"])) == {"a", "c"}


def test_large_rows_leave_by_their_size() -> None:
    cache = RowCache(characters=100)
    cache.put_many([example("a", 60), example("a", 60), example("b", 40)])
    assert len(cache) == 2
    cache.put_many([example("c", 1)])
    assert set(cache.get_many(["a", "b", "c"])) == {"b", "c"}
    cache.put_many([example("huge", 101)])
    assert len(cache) == 0


def test_room_is_counted_in_thousands() -> None:
    assert RowCache().has_room
    assert not RowCache(rows=999).has_room
