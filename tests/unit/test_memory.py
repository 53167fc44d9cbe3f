"""What a process remembers: what was asked for lately, within bounds."""

from app.store.memory import Key, Kind, Memory

TEXT: Kind[str] = Kind(made_handy=str.upper, size=len)
A, B, C = (Key(owner, "first", ()) for owner in range(3))


def test_what_was_remembered_is_recalled() -> None:
    memory = Memory()
    memory.remember(A, "found", TEXT)
    assert memory.recall(A, TEXT) is not None
    assert memory.recall(B, TEXT) is None


def test_it_is_made_handy_when_it_is_asked_for_again() -> None:
    made: list[str] = []

    def noted(value: str) -> str:
        made.append(value)
        return value.upper()

    kind = Kind(made_handy=noted, size=len)
    memory = Memory()
    memory.remember(A, "found", kind)
    assert made == []
    assert [memory.recall(A, kind), memory.recall(A, kind)] == ["FOUND", "FOUND"]
    assert made == ["found"]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    memory = Memory(most=10)
    memory.remember(A, "1234", TEXT)
    memory.remember(B, "1234", TEXT)
    memory.recall(A, TEXT)
    memory.remember(C, "1234", TEXT)
    assert [memory.recall(key, TEXT) for key in (A, B, C)] == ["1234", None, "1234"]


def test_something_too_large_is_not_remembered() -> None:
    memory = Memory(most=10)
    memory.remember(A, "1234", TEXT)
    memory.remember(B, "123456", TEXT)
    assert [memory.recall(key, TEXT) for key in (A, B)] == ["1234", None]


def test_a_long_question_takes_room_as_well() -> None:
    memory = Memory(most=1000)
    memory.remember(Key(1, "first", ("a", "b", "c")), "1234", TEXT)
    assert memory.recall(Key(1, "first", ("a", "b", "c")), TEXT) is None


def test_a_new_value_takes_the_place_of_an_old_one() -> None:
    memory = Memory(most=10)
    for value in ("1234", "12345", "123"):
        memory.remember(A, value, TEXT)
    memory.remember(B, "1234", TEXT)
    assert [memory.recall(key, TEXT) for key in (A, B)] == ["123", "1234"]


def test_what_is_of_another_version_is_let_go() -> None:
    memory = Memory()
    memory.remember(A, "1234", TEXT)
    memory.remember(B, "1234", TEXT)
    memory.remember(A._replace(version="second"), "12345", TEXT)
    assert [memory.recall(key, TEXT) for key in (A, B)] == [None, "1234"]
