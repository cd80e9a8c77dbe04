"""How a record lies in its table: a column for each field, of the same name. Refuses to know which.

From this one fact come the INSERT, the SELECT, and the way from a row back to the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from lingpai_server.storage.columns import Codec, Value

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
Row: TypeAlias = tuple[Any, ...]


class Shape(Generic[T]):
    """One record and its table; a field with a codec is not stored as it is.

    `select` asks for all rows and ends where a condition may follow; `insert` takes what `values`
    gives.
    """

    def __init__(self, table: str, record: type[T], **codecs: Codec) -> None:
        names = tuple(field.name for field in fields(record))
        if unknown := codecs.keys() - set(names):
            raise ValueError(f"{table} has no such columns: {sorted(unknown)}")
        places = ", ".join(f"?{number}" for number in range(1, len(names) + 1))
        self.table = table
        self.columns = names
        self.select = " ".join(("SELECT", ", ".join(names), "FROM", table, ""))
        self.insert = " ".join(("INSERT INTO", table, f"({', '.join(names)}) VALUES ({places})"))
        self._record = record
        self._codecs = tuple((names.index(name), codec) for name, codec in codecs.items())

    def values(self, record: T) -> list[Value]:
        """The record as its columns, in order."""
        row = [getattr(record, name) for name in self.columns]
        for place, codec in self._codecs:
            row[place] = codec.encode(row[place])
        return row

    def read(self, row: Row) -> T:
        """The record of a row that has these columns."""
        values = list(row)
        for place, codec in self._codecs:
            values[place] = codec.decode(values[place])
        return self._record(*values)

    def read_all(self, found: Iterable[Row]) -> tuple[T, ...]:
        """Each row as its record."""
        return tuple(map(self.read, found))

    def read_optional(self, row: Row | None) -> T | None:
        """The record, unless there is no row, or an outer join found none: a key is never NULL."""
        return None if row is None or row[0] is None else self.read(row)


class Joined:
    """Several records in one row, each under the alias of its table in the statement.

    `parts` are where each record is in a row.
    """

    def __init__(self, **shapes: Shape[Any]) -> None:
        self._names = tuple(
            f"{alias}.{name}" for alias, shape in shapes.items() for name in shape.columns
        )
        ends = list(accumulate((len(shape.columns) for shape in shapes.values()), initial=0))
        self.parts = tuple(map(slice, ends, ends[1:]))

    def query(self, rest: str, *more: str) -> str:
        """A SELECT of all columns of the records, then of `more`; `rest` begins with FROM."""
        return " ".join(("SELECT", ", ".join((*self._names, *more)), rest))
