"""What a process remembers: what was asked for lately, within bounds."""

from app.store.memory import Kind, Memory

TEXT: Kind[str] = Kind(made_handy=str.upper, size=len)


def test_what_was_remembered_is_recalled() -> None:
    memory = Memory()
    memory.remember("a", "found", TEXT)
    assert memory.recall("a", TEXT) is not None
    assert memory.recall("b", TEXT) is None


def test_it_is_made_handy_when_it_is_asked_for_again() -> None:
    made: list[str] = []

    def noted(value: str) -> str:
        made.append(value)
        return value.upper()

    kind = Kind(made_handy=noted, size=len)
    memory = Memory()
    memory.remember("a", "found", kind)
    assert made == []
    assert [memory.recall("a", kind), memory.recall("a", kind)] == ["FOUND", "FOUND"]
    assert made == ["found"]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    memory = Memory(most=10)
    memory.remember("a", "1234", TEXT)
    memory.remember("b", "1234", TEXT)
    memory.recall("a", TEXT)
    memory.remember("c", "1234", TEXT)
    assert [memory.recall(key, TEXT) for key in "abc"] == ["1234", None, "1234"]


def test_something_too_large_is_not_remembered() -> None:
    memory = Memory(most=10)
    memory.remember("a", "1234", TEXT)
    memory.remember("b", "123456", TEXT)
    assert [memory.recall(key, TEXT) for key in "ab"] == ["1234", None]


def test_a_new_value_takes_the_place_of_an_old_one() -> None:
    memory = Memory(most=10)
    for value in ("1234", "12345", "123"):
        memory.remember("a", value, TEXT)
    memory.remember("b", "1234", TEXT)
    assert [memory.recall(key, TEXT) for key in "ab"] == ["123", "1234"]
