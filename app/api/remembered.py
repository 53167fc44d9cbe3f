"""A short memory of answers: many who ask the same at once cost one look at the data.

An answer is remembered with the state of the data that it was computed from, and given again only
while that state lasts, so a write that could change it ends it. For the sake of what grows with
time alone, such as ages, it is given for no longer than `MAX_AGE` even so; `as_of` and the header
`Age` tell from when it is.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from weakref import WeakValueDictionary

from fastapi import Request, Response

MAX_AGE = 5.0
"""Seconds."""

MAX_BYTES = 8 * 2**20
"""For all answers of a process; the one that was asked for longest ago goes first."""

_NOT_MODIFIED = 304
_OK = 200
_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, the state of the data it is from, and when that was asked for, in seconds."""

    state: str
    at: float
    headers: Mapping[str, str]
    body: bytes
    etag: str


def wants_it_computed(request: Request) -> bool:
    """Tell whether the client asks for no remembered answer, as a browser's hard reload does."""
    asked = request.headers.get("cache-control", "")
    return any(each in asked for each in ("no-cache", "no-store"))


class Answers:
    """The answers that a process remembers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._kept: OrderedDict[str, _Answer] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._bytes = 0

    def turn(self, request: Request) -> asyncio.Lock:
        """Return the lock of this question: who asks the same meanwhile waits for the answer."""
        return self._turns.setdefault(_question(request), asyncio.Lock())

    def recall(self, request: Request, state: str) -> Response | None:
        """Return the answer to this question if it was computed from this state a moment ago."""
        question = _question(request)
        answer = self._kept.get(question)
        if answer is None:
            return None
        age = self.clock() - answer.at
        if answer.state != state or age > MAX_AGE:
            self._forget(question)
            return None
        self._kept.move_to_end(question)
        return _response(request, answer, {"age": str(int(age))})

    def since(self, request: Request, asked_at: float) -> Response | None:
        """Return the answer to this question if its computation began after it was asked.

        Nothing can be newer than that. It is for those who waited while another one asked.
        """
        answer = self._kept.get(_question(request))
        if answer is None or answer.at < asked_at:
            return None
        return _response(request, answer, {})

    def remember(self, request: Request, state: str, at: float, response: Response) -> Response:
        """Keep an answer that was computed from this state, or a later one; return what to send.

        `at` is when the state was asked for, by the clock.
        """
        if response.status_code != _OK:
            return response
        body = bytes(response.body)
        etag = f'"{blake2b(body, digest_size=_DIGEST_BYTES).hexdigest()}"'
        headers = {name: value for name, value in response.headers.items() if name != "etag"}
        answer = _Answer(state, at, headers, body, etag)
        question = _question(request)
        self._forget(question)
        self._forget_old()
        if len(body) <= MAX_BYTES // 2:
            self._kept[question] = answer
            self._bytes += len(body)
            while self._bytes > MAX_BYTES:
                self._forget(next(iter(self._kept)))
        return _response(request, answer, {})

    def _forget_old(self) -> None:
        """Give back the room of what will not be given again."""
        before = self.clock() - MAX_AGE
        for question in [each for each, answer in self._kept.items() if answer.at < before]:
            self._forget(question)

    def _forget(self, question: str) -> None:
        answer = self._kept.pop(question, None)
        if answer is not None:
            self._bytes -= len(answer.body)


def _question(request: Request) -> str:
    """Return what tells one question from another: path, parameters, and the form of the answer."""
    return f"{request.url.path}?{request.url.query}#{request.headers.get('accept', '')}"


def _response(request: Request, answer: _Answer, more: Mapping[str, str]) -> Response:
    """Return the answer, or only that it is what the client has already."""
    # to be asked for again each time, and then sent only if it is another one
    told = {"etag": answer.etag, "cache-control": "no-cache", **more}
    known = request.headers.get("if-none-match", "")
    if answer.etag in (each.strip().removeprefix("W/") for each in known.split(",")):
        vary = {name: value for name, value in answer.headers.items() if name == "vary"}
        return Response(status_code=_NOT_MODIFIED, headers=vary | told)
    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return Response(answer.body, headers=headers | told)
