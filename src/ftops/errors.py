"""The exception tree; raising is for bugs, for the wire and for what stops a command at once.

FtopsError
├── SpecError            the specs or data have problems; carries their diagnostics
├── UsageError           the command line asks for something that cannot be (exit 64)
├── LeaseHeld            another run may write to this project now
├── JournalBroken        the journal cannot be read or written
├── Interrupted          a person or the system asked the run to stop (exit 130)
└── WireError            a call did not give an answer that can be used
    ├── ConnectionLost   no answer arrived, so a write may or may not have been done
    │   └── Unreachable  no connection came about, so nothing was sent and nothing was done
    ├── NotSignedIn      there is no credential for the account, or it was not accepted
    ├── ContentChanged   a file is not what was checked; its upload was broken off and made nothing
    └── ServiceProblem   the service answered with an error; carries status, code, message and request id
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftops.diagnostics import Diagnostic
    from ftops.trouble import Trouble


class FtopsError(Exception):
    """The base of everything ftops raises on purpose."""


class SpecError(FtopsError):
    """The specs or data have problems; `diagnostics` says which."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keep the diagnostics in the order given."""
        super().__init__(f"{len(diagnostics)} problems")
        self.diagnostics = tuple(diagnostics)


class UsageError(FtopsError):
    """The command line asks for something that cannot be."""


class LeaseHeld(FtopsError):
    """Another run may write to this project now."""


class JournalBroken(FtopsError):
    """The journal cannot be read or written."""


class Interrupted(FtopsError):
    """A person or the system asked the run to stop."""


class WireError(FtopsError):
    """A call did not give an answer that can be used."""


class ConnectionLost(WireError):
    """No answer arrived: a read may be repeated, a write may or may not have been done."""


class Unreachable(ConnectionLost):
    """No connection came about: nothing was sent, so whatever it was may be sent again."""


class NotSignedIn(WireError):
    """There is no credential for the account, or the place that gives tokens did not accept it.

    The message is short, because it is told of everything that cannot be read; `way_out` is told once.
    """

    def __init__(self, message: str, way_out: str = "") -> None:
        """Keep what to do about it."""
        super().__init__(message)
        self.way_out = way_out


class ContentChanged(WireError):
    """A file is not what was checked; its upload was broken off before its end and made nothing."""


class ServiceProblem(WireError):
    """The service answered with an error.

    `code` and `message` are the service's own words, `request_id` names the call to its support. `trouble` is what we
    know of them; as a text the error has both in one line, `words` has the service's alone.
    """

    def __init__(
        self, status: int, code: str, message: str, request_id: str = "", trouble: Trouble | None = None
    ) -> None:
        """Keep what the service said."""
        name = f"{status}" if code == str(status) else f"{status} {code}"
        way_out = "" if trouble is None else str(trouble)
        stop = "." if way_out and message and message.rstrip()[-1:].isalnum() else ""
        super().__init__(" ".join(f"{name}: {message.rstrip()}{stop} {way_out}".split()))
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.trouble = trouble
        self.way_out = way_out

    @property
    def words(self) -> str:
        """Return what the service said in one line, with the id by which its support finds the call."""
        name = f"{self.status}" if self.code == str(self.status) else f"{self.status} {self.code}"
        request = f" (request {self.request_id})" if self.request_id else ""
        return " ".join(f"{name}: {self.message}{request}".split())
