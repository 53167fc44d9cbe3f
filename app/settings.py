"""The only reader of the environment. Every setting is one row of SETTINGS; the docs list them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote


class SettingError(ValueError):
    """A setting is missing or makes no sense; the message names it and what was expected."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, default (as a user would write it), and meaning."""

    name: str
    default: str | None
    help: str


SETTINGS = (
    Setting("DATABASE_HOST", "db-vsm-dev-rw.fawkes.svc", "PostgreSQL host, or several: `a,b,c`"),
    Setting("DATABASE_PORT", "5432", "PostgreSQL port, or one for each host: `5432,5433,5434`"),
    Setting("DATABASE_NAME", "vsm_db", "database name"),
    Setting("DATABASE_USER", "vsm_user", "database user"),
    Setting("DATABASE_PASSWORD", None, "password; required unless the database is embedded"),
    Setting("DATABASE_READ_HOST", "", "standby that answers for numbers, or several: `a,b`"),
    Setting("DATABASE_READ_PORT", "", "port of the standby, if not DATABASE_PORT"),
    Setting("DATABASE_MAX_LAG", "10", "seconds that a standby may be behind, 0 to 3600"),
    Setting("DATABASE_POOL_SIZE", "10", "connections each worker process may hold, 1 to 100"),
    Setting("DATABASE_POOL_TIMEOUT", "5", "seconds to wait for a free connection, 0.1 to 60"),
    Setting("DATABASE_CONNECT_TIMEOUT", "3", "seconds to wait for a host to connect, 0.1 to 60"),
    Setting("DATABASE_TIMEOUT", "30", "seconds after which a statement is given up, 1 to 600"),
    Setting("SQL_ECHO", "false", "log every SQL statement"),
    Setting("HOST", "127.0.0.1", "address that `vsm serve` listens on"),
    Setting("PORT", "8000", "port that `vsm serve` listens on"),
    Setting("VSM_DATA_DIR", "", "folder of the embedded database (default: `vsm data path`)"),
    Setting("VSM_LOG_FORMAT", "auto", "`console`, `json`, or `auto`: console on a terminal"),
    Setting("VSM_LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`"),
    Setting("VSM_LOG_REQUESTS", "false", "log every request; else those that fail or are slow"),
    Setting("VSM_LOG_SLOW", "1", "seconds from which a request is logged as slow, 0 to 600"),
    Setting("VSM_MAX_IMPORT_MB", "100", "largest file that the import endpoint accepts, in MiB"),
)
"""Everything that the environment can say."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. `database_url` is None when no DATABASE_* variable is set."""

    database_url: str | None
    read_url: str | None
    max_lag: float
    pool_size: int
    pool_timeout: float
    connect_timeout: float
    statement_timeout: float
    sql_echo: bool
    host: str
    port: int
    data_dir: Path | None
    log_format: str
    log_level: str
    log_requests: bool
    log_slow: float
    max_import_bytes: int

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read every setting; raises SettingError that names the first one that is wrong."""
        values = {s.name: environ.get(s.name, "").strip() or (s.default or "") for s in SETTINGS}
        number = _Number(values)
        return cls(
            database_url=_database_url(environ, values),
            read_url=_read_url(environ, values),
            max_lag=number("DATABASE_MAX_LAG", float, 0, 3600),
            pool_size=number("DATABASE_POOL_SIZE", int, 1, 100),
            pool_timeout=number("DATABASE_POOL_TIMEOUT", float, 0.1, 60),
            connect_timeout=number("DATABASE_CONNECT_TIMEOUT", float, 0.1, 60),
            statement_timeout=number("DATABASE_TIMEOUT", float, 1, 600),
            sql_echo=_flag(values, "SQL_ECHO"),
            host=values["HOST"],
            port=number("PORT", int, 0, 65535),
            data_dir=Path(values["VSM_DATA_DIR"]).expanduser() if values["VSM_DATA_DIR"] else None,
            log_format=_choice(values, "VSM_LOG_FORMAT", ("auto", "console", "json")),
            log_level=_choice(values, "VSM_LOG_LEVEL", ("debug", "info", "warning", "error")),
            log_requests=_flag(values, "VSM_LOG_REQUESTS"),
            log_slow=number("VSM_LOG_SLOW", float, 0, 600),
            max_import_bytes=number("VSM_MAX_IMPORT_MB", int, 1, 4096) * 1024 * 1024,
        )

    def server_url(self) -> str:
        """Return the URL of a real server; raises SettingError when no password was given.

        Deployments go through here: they can never fall into the embedded database by accident.
        """
        if self.database_url is None:
            raise SettingError(
                "DATABASE_PASSWORD is not set. Set DATABASE_PASSWORD (and DATABASE_HOST, …) for a "
                "PostgreSQL server, or start with `vsm serve`, which brings its own."
            )
        return self.database_url


def _database_url(environ: Mapping[str, str], values: Mapping[str, str]) -> str | None:
    """Build the URL of the server that DATABASE_* name, if any of them is set."""
    connection = [s.name for s in SETTINGS[:5] if environ.get(s.name, "").strip()]
    if not connection:
        return None
    if not values["DATABASE_PASSWORD"]:
        raise SettingError(
            f"DATABASE_PASSWORD is not set, but {connection[0]} is. Set DATABASE_PASSWORD, or "
            "unset every DATABASE_* variable and use `vsm serve` with its embedded database."
        )
    return _url(values, "DATABASE_HOST", "DATABASE_PORT")


def _read_url(environ: Mapping[str, str], values: Mapping[str, str]) -> str | None:
    """Build the URL of the standby that DATABASE_READ_HOST names, if it does."""
    if not values["DATABASE_READ_HOST"]:
        return None
    if not environ.get("DATABASE_PASSWORD", "").strip():
        raise SettingError("DATABASE_READ_HOST is set, but DATABASE_PASSWORD is not")
    port = "DATABASE_READ_PORT" if values["DATABASE_READ_PORT"] else "DATABASE_PORT"
    return _url(values, "DATABASE_READ_HOST", port)


def _url(values: Mapping[str, str], host_name: str, port_name: str) -> str:
    """Build the URL of one server, or of several that are tried until one is right."""
    hosts = [host.strip() for host in values[host_name].split(",")]
    ports = [_number(port_name, port, int, 1, 65535) for port in values[port_name].split(",")]
    if not all(hosts) or len(ports) not in (1, len(hosts)):
        raise SettingError(
            f"{host_name} and {port_name} must list as many ports as hosts, or one port for all, "
            f"got {values[host_name]!r} and {values[port_name]!r}"
        )
    user, password = (quote(values[f"DATABASE_{part}"], safe="") for part in ("USER", "PASSWORD"))
    name = quote(values["DATABASE_NAME"], safe="")
    if len(hosts) > 1 or hosts[0].startswith("/"):  # a folder with PostgreSQL's Unix socket
        every = ",".join(str(port) for port in ports * (len(hosts) // len(ports)))
        where = f"/{name}?host={quote(','.join(hosts), safe='/,')}&port={every}"
    else:
        where = f"{f'[{hosts[0]}]' if ':' in hosts[0] else hosts[0]}:{ports[0]}/{name}"
    return f"postgresql+asyncpg://{user}:{password}@{where}"


class _Number:
    """Parses one of the values as a number within bounds."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __call__(self, name: str, kind: Callable[[str], Any], low: float, high: float) -> Any:
        return _number(name, self._values[name], kind, low, high)


def _number(name: str, text: str, kind: Callable[[str], Any], low: float, high: float) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise SettingError(f"{name} must be a number from {low} to {high}, got {text!r}")
    return number


def _flag(values: Mapping[str, str], name: str) -> bool:
    word = values[name].lower()
    if word not in ("true", "1", "yes", "on", "false", "0", "no", "off"):
        raise SettingError(f"{name} must be true or false, got {values[name]!r}")
    return word in ("true", "1", "yes", "on")


def _choice(values: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    word = values[name].lower()
    if word not in choices:
        raise SettingError(f"{name} must be one of {', '.join(choices)}, got {values[name]!r}")
    return word
