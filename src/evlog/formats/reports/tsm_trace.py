"""Lines of the kernel's tsm_mr tracepoints: what was extended into measurement registers, and what was read of them.

Source: Linux, include/trace/events/tsm_mr.h; tracefs' ``trace`` and ``trace_pipe``, ``perf script``. A ``write`` is an
extension of which the digest is known and nothing else. A ``read`` is a value: before the first extension it says where
the register stood, after others it must be what they lead to, or something was extended by another road.
"""

from __future__ import annotations

from evlog import hashing
from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "tsm-trace"
TITLE = "lines of the kernel's tsm_mr tracepoints"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a line of one of the tracepoints, whatever else was traced."""
    if hashing.find(data, b"tsm_mr_") < 0:
        return NO_MATCH
    from evlog.formats.reports.tsm_trace_reader import is_trace

    return Match(CERTAIN, "a line of the kernel's tsm_mr tracepoints") if is_trace(data) else NO_MATCH


def read(data: bytes, options: Options) -> Log:
    """Read a trace; see `evlog.read`. Raises ParseError if nothing was extended in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.tsm_trace_reader import log_of

    return log_of(data, Account(ID, options))
