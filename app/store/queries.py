r"""The analytical queries, each a file in `sql/` that also runs in psql.

A parameter is written `:name`, as psql's variables are: `\set stream_id 1`, then `\i file.sql`.
"""

from pathlib import Path

from sqlalchemy import TextClause, text

NAME = "statement_name"
"""The execution option that names a statement."""

_FOLDER = Path(__file__).parent / "sql"


def load_query(name: str) -> TextClause:
    """Return the query kept in `sql/<name>.sql`, which tells its name to whoever watches."""
    query = text((_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    return query.execution_options(**{NAME: name})
