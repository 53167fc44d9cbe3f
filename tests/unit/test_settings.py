"""What the environment may say, and what a wrong value is answered with."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from app.settings import SETTINGS, SettingError, Settings
from tests.strategies import property_test

PASSWORD = {"DATABASE_PASSWORD": "secret"}


def url_of(**environ: str) -> str:
    return Settings.read({**PASSWORD, **environ}).server_url()


def test_an_empty_environment_gives_the_defaults_and_no_server() -> None:
    assert Settings.read({}) == Settings(
        database_url=None,
        read_url=None,
        max_lag=10,
        pool_size=10,
        pool_timeout=5,
        connect_timeout=3,
        statement_timeout=30,
        sql_echo=False,
        host="127.0.0.1",
        port=8000,
        data_dir=None,
        log_format="auto",
        log_level="info",
        log_requests=False,
        log_slow=1,
        max_import_bytes=100 * 1024 * 1024,
    )


def test_a_password_alone_names_the_server_of_the_contract() -> None:
    assert url_of() == ("postgresql+asyncpg://vsm_user:secret@db-vsm-dev-rw.fawkes.svc:5432/vsm_db")


def test_every_part_of_the_server_can_be_named() -> None:
    assert (
        url_of(
            DATABASE_HOST="db", DATABASE_PORT="6432", DATABASE_NAME="flow", DATABASE_USER="reader"
        )
        == "postgresql+asyncpg://reader:secret@db:6432/flow"
    )


def test_without_a_server_the_missing_password_is_named_with_the_alternative() -> None:
    with pytest.raises(SettingError, match=r"DATABASE_PASSWORD is not set.*vsm serve"):
        Settings.read({}).server_url()


@pytest.mark.parametrize(
    "name", ["DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER"]
)
def test_a_server_without_a_password_is_refused_and_both_variables_are_named(name: str) -> None:
    with pytest.raises(SettingError, match=rf"DATABASE_PASSWORD is not set, but {name} is"):
        Settings.read({name: "5432"})


def test_pool_size_and_timeout_alone_do_not_name_a_server() -> None:
    settings = Settings.read({"DATABASE_POOL_SIZE": "3", "DATABASE_TIMEOUT": "1.5"})
    assert settings.database_url is None
    assert (settings.pool_size, settings.statement_timeout) == (3, 1.5)


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_an_empty_variable_counts_as_not_set(name: str) -> None:
    assert Settings.read({name: "  "}) == Settings.read({})


def test_space_around_a_value_is_removed_as_files_of_secrets_end_in_a_newline() -> None:
    assert Settings.read({"DATABASE_PASSWORD": "secret\n"}).server_url() == url_of()
    assert Settings.read({"PORT": " 9000 "}).port == 9000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "http", "a number from 0 to 65535, got 'http'"),
        ("PORT", "65536", "a number from 0 to 65535"),
        ("PORT", "-1", "a number from 0 to 65535"),
        ("PORT", "80.5", "a number from 0 to 65535"),
        ("DATABASE_PORT", "0", "a number from 1 to 65535"),
        ("DATABASE_PORT", "tcp://10.0.0.1:5432", "a number from 1 to 65535"),
        ("DATABASE_PORT", "5432,x", "a number from 1 to 65535, got 'x'"),
        ("DATABASE_POOL_SIZE", "0", "a number from 1 to 100"),
        ("DATABASE_POOL_TIMEOUT", "0", "a number from 0.1 to 60"),
        ("DATABASE_TIMEOUT", "nan", "a number from 1 to 600"),
        ("DATABASE_TIMEOUT", "inf", "a number from 1 to 600"),
        ("VSM_MAX_IMPORT_MB", "1e3", "a number from 1 to 4096"),
        ("SQL_ECHO", "maybe", "true or false, got 'maybe'"),
        ("VSM_LOG_REQUESTS", "all", "true or false, got 'all'"),
        ("VSM_LOG_SLOW", "-1", "a number from 0 to 600"),
        ("VSM_LOG_FORMAT", "xml", "one of auto, console, json, got 'xml'"),
        ("VSM_LOG_LEVEL", "loud", "one of debug, info, warning, error, got 'loud'"),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_what_was_expected(
    name: str, value: str, expected: str
) -> None:
    with pytest.raises(SettingError) as refusal:
        Settings.read({**PASSWORD, name: value})
    assert str(refusal.value).startswith(f"{name} must be {expected}")


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "On"])
def test_several_words_mean_true(word: str) -> None:
    assert Settings.read({"SQL_ECHO": word}).sql_echo


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "OFF"])
def test_several_words_mean_false(word: str) -> None:
    assert not Settings.read({"SQL_ECHO": word}).sql_echo


def test_choices_are_taken_whatever_their_case() -> None:
    settings = Settings.read({"VSM_LOG_FORMAT": "JSON", "VSM_LOG_LEVEL": "Warning"})
    assert (settings.log_format, settings.log_level) == ("json", "warning")


def test_the_host_may_be_the_folder_of_a_unix_socket() -> None:
    url = make_url(url_of(DATABASE_HOST="/var/run/my sockets", DATABASE_PORT="5433"))
    assert url.host is None
    assert url.query == {"host": "/var/run/my sockets", "port": "5433"}
    assert (url.username, url.password, url.database) == ("vsm_user", "secret", "vsm_db")


def test_the_host_may_be_an_ipv6_address() -> None:
    url = make_url(url_of(DATABASE_HOST="2001:db8::1"))
    assert (url.host, url.port) == ("2001:db8::1", 5432)


def test_a_standby_is_reached_like_the_primary_but_for_its_host_and_port() -> None:
    environ = {"DATABASE_HOST": "db", "DATABASE_READ_HOST": "one,two", "DATABASE_PORT": "6432"}
    read_url = Settings.read({**PASSWORD, **environ}).read_url
    assert read_url == "postgresql+asyncpg://vsm_user:secret@/vsm_db?host=one,two&port=6432,6432"
    environ = {"DATABASE_READ_HOST": "one", "DATABASE_READ_PORT": "6433"}
    read_url = Settings.read({**PASSWORD, **environ}).read_url
    assert read_url == "postgresql+asyncpg://vsm_user:secret@one:6433/vsm_db"


def test_a_standby_without_a_password_is_refused() -> None:
    with pytest.raises(SettingError, match=r"DATABASE_READ_HOST is set, but DATABASE_PASSWORD"):
        Settings.read({"DATABASE_READ_HOST": "one"})


@pytest.mark.parametrize(("ports", "each"), [("5433", "5433,5433"), ("5433, 5434", "5433,5434")])
def test_several_hosts_share_a_port_or_have_one_each(ports: str, each: str) -> None:
    url = make_url(url_of(DATABASE_HOST="one, 2001:db8::1", DATABASE_PORT=ports))
    assert url.host is None
    assert url.query == {"host": "one,2001:db8::1", "port": each}


@pytest.mark.parametrize(("hosts", "ports"), [("a,b,c", "1,2"), ("a,,b", "5432"), ("a", "1,2")])
def test_hosts_and_ports_that_do_not_fit_together_are_refused(hosts: str, ports: str) -> None:
    with pytest.raises(SettingError, match="DATABASE_HOST and DATABASE_PORT must list as many"):
        url_of(DATABASE_HOST=hosts, DATABASE_PORT=ports)


@property_test
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_any_characters_of_a_password_a_user_and_a_name_arrive(word: str) -> None:
    environ = {f"DATABASE_{part}": word for part in ("PASSWORD", "USER", "NAME")}
    url = make_url(Settings.read(environ).server_url())
    assert (url.password, url.username) == (word.strip(), word.strip())
    assert url.host == "db-vsm-dev-rw.fawkes.svc"
    assert url.port == 5432


def test_the_home_folder_may_be_written_as_a_tilde() -> None:
    assert Settings.read({"VSM_DATA_DIR": "~/vsm"}).data_dir == Path.home() / "vsm"


def test_import_sizes_are_given_in_mebibytes() -> None:
    assert Settings.read({"VSM_MAX_IMPORT_MB": "2"}).max_import_bytes == 2 * 1024 * 1024


def test_no_message_repeats_the_password() -> None:
    with pytest.raises(SettingError) as refusal:
        Settings.read({**PASSWORD, "DATABASE_PORT": "x"})
    assert "secret" not in str(refusal.value)
