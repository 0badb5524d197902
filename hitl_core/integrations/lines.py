"""Lines of a text file with their numbers, read as bytes so that one bad byte costs one row and not the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hitl_core.domain.errors import InputError
from hitl_core.integrations.rows import MAX_ROW_BYTES

_UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line and, apart, its end; `problem` says why it cannot be used, and `text` then shows what can be shown."""

    number: int
    text: str
    end: str
    problem: str
    position: int


def refuse_other_encodings(path: Path) -> None:
    """Refuse files that say in their first bytes that they are not UTF-8.

    Raises:
        InputError: the file starts with a UTF-16 byte order mark.
    """
    with path.open("rb") as handle:
        encoding = _OTHER_MARKS.get(handle.read(2))
    if encoding:
        raise InputError(f"{path} is {encoding}; save it as UTF-8 and import it again")


def numbered_lines(path: Path, *, max_bytes: int = MAX_ROW_BYTES) -> Iterator[Line]:
    """Yield lines split at LF or CRLF only, counted from 1; a byte order mark is dropped."""
    with path.open("rb") as handle:
        position = number = 0
        while data := handle.readline(max_bytes + 1):
            number += 1
            position += len(data)
            if len(data) > max_bytes and not data.endswith(b"\n"):
                position += _skip_to_end(handle, max_bytes)
                shown = data[:1000].decode("utf-8", "backslashreplace")
                yield Line(number, shown, "\n", f"is longer than {max_bytes // 2**20} MiB", position)
                continue
            if number == 1:
                data = data.removeprefix(_UTF8_MARK)
            yield _decoded(number, data, position)


def _decoded(number: int, data: bytes, position: int) -> Line:
    end = "\r\n" if data.endswith(b"\r\n") else "\n" if data.endswith(b"\n") else ""
    data = data[: len(data) - len(end)]
    try:
        return Line(number, data.decode("utf-8"), end, "", position)
    except UnicodeDecodeError as error:
        problem = f"is not valid UTF-8: byte 0x{data[error.start]:02x} at position {error.start}"
        return Line(number, data.decode("utf-8", "backslashreplace"), end, problem, position)


def _skip_to_end(handle: BinaryIO, chunk: int) -> int:
    """Read on to the end of an over-long line in bounded pieces; return how many bytes that was."""
    skipped = 0
    while data := handle.readline(chunk):
        skipped += len(data)
        if data.endswith(b"\n"):
            break
    return skipped
