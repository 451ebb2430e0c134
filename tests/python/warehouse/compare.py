"""Compares a warehouse's tables with what a file of events makes them hold.

usage: compare.py EVENTS FOUND
FOUND is the file of an embedded warehouse (its name ends in `.db`), or one of JSON lines: {"table": …, "row": {column:
value}}. Says how many rows of each table were compared, and fails with the first that differ. Columns that events do not
decide are left out.
"""

import json
import sqlite3
import sys

from state import read
from tables import KEYS

SHOWN = 5


def rows_of(path):
    """All rows, as (table, row)."""
    if path.endswith(".db"):
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        for table in KEYS:
            for row in connection.execute(f"SELECT * FROM {table.__name__}"):
                yield table.__name__, dict(row)
        return
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)
            yield found["table"], found["row"]


def same(left, right):
    """Whether two values are the same to whoever reads them: SQLite's booleans are 0 and 1."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return abs(left - right) < 1e-9
    return left == right


def compare(table, key, expected, found):
    """What differs, in words."""
    wrong, by_key = [], {}
    for row in found:
        if by_key.setdefault(tuple(row[name] for name in key), row) is not row:
            wrong.append(f"{table} has a row twice: {row}")
    for row in expected:
        row = json.loads(json.dumps(row, default=str))
        other = by_key.pop(tuple(row[name] for name in key), None)
        if other is None:
            wrong.append(f"{table} lacks {row}")
            continue
        differ = {name: (value, other[name]) for name, value in row.items() if not same(value, other[name])}
        if differ:
            wrong.append(f"{table} {[row[name] for name in key]}: expected and found {differ}")
    wrong.extend(f"{table} has too much: {row}" for row in by_key.values())
    return wrong


def main(events, found):
    subjects, tables = read(events), {table.__name__: [] for table in KEYS}
    for table, row in rows_of(found):
        tables[table].append(row)
    wrong = []
    for table, key in KEYS.items():
        rows = tables[table.__name__]
        wrong += compare(table.__name__, key, table(subjects.values()), rows)
        print(f"{table.__name__}: {len(rows)} rows")
    if wrong:
        sys.exit("\n".join([f"{len(wrong)} differences", *wrong[:SHOWN]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
