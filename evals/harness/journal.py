"""The rows of a run, appended durably: what is in the file was done, whatever killed the process after it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from hitl_core.domain.errors import InputError

NAME = "rows.jsonl"


class Journal:
    """A JSONL file whose first line is the run's key and whose others are rows, one a finished case.

    Opening continues a file of the same key: `done` holds its rows by case id. A last line that was cut off in the
    middle is removed; that case is done again. A file of another key is put aside as `rows.<n>.jsonl`.
    """

    def __init__(self, folder: Path, key: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.path = folder / NAME
        self.key = json.loads(json.dumps(key, default=str))
        self.put_aside: Path | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.done = {} if fresh else self._read()
        if self.done is None or fresh:
            self._put_aside()
            self.done = {}
        self._handle: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        self._handle = self.path.open("ab")
        if self.path.stat().st_size == 0:
            self._append({"key": self.key})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.close()

    def append(self, row: Mapping[str, Any]) -> None:
        """Write a finished case; it is on the disk when this returns."""
        self._append(row)
        assert self.done is not None
        self.done[str(row["case_id"])] = dict(row)

    def _append(self, row: Mapping[str, Any]) -> None:
        assert self._handle is not None, "use the journal in a with block"
        self._handle.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
        self._handle.flush()
        os.fsync(self._handle.fileno())

    def _read(self) -> dict[str, dict[str, Any]] | None:
        """The rows of the file by case id; None where the file belongs to another run."""
        if not self.path.is_file():
            return {}
        raw = self.path.read_bytes()
        whole, _, rest = raw.rpartition(b"\n")
        if rest:
            with self.path.open("r+b") as handle:
                handle.truncate(len(raw) - len(rest))
        lines = [line for line in whole.split(b"\n") if line]
        try:
            rows = [json.loads(line) for line in lines]
        except ValueError as error:
            raise InputError(f"{self.path} is damaged: {error}; --fresh starts over") from None
        if not rows:
            return {}
        if rows[0].get("key") != self.key:
            return None
        return {str(row["case_id"]): row for row in rows[1:]}

    def _put_aside(self) -> None:
        if not self.path.is_file():
            return
        number = next(n for n in range(1, 10_000) if not self.path.with_name(f"rows.{n}.jsonl").exists())
        self.put_aside = self.path.rename(self.path.with_name(f"rows.{number}.jsonl"))
