r"""The analytical queries, each a file in `sql/` that also runs in psql.

A parameter is written `:name`, as psql's variables are: `\set stream_id 1`, then `\i file.sql`.
"""

import re
from pathlib import Path

from sqlalchemy import TextClause, text

NAME = "statement_name"
"""The execution option that names a statement."""

_FOLDER = Path(__file__).parent / "sql"
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


def load_query(name: str) -> TextClause:
    """Return the query kept in `sql/<name>.sql`, which tells its name to whoever watches."""
    query = text((_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    return query.execution_options(**{NAME: name})


def load_numbered(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the query as the driver takes it, with `$1` and so on, and the names in order."""
    query = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    names: list[str] = list(dict.fromkeys(_PARAMETER.findall(query)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", query), tuple(names)
