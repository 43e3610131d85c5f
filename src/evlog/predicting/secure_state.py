"""What all rules know of a boot: the draft, the files, whether Secure Boot is on, and how much memory there is."""

from __future__ import annotations

from evlog.contents.event_types import EV_EFI_VARIABLE_DRIVER_CONFIG
from evlog.predicting import variables
from evlog.predicting.measured import bytes_of, explains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft

__all__ = ["secure_boot"]


def secure_boot(draft: Draft) -> bool:
    """Whether Secure Boot was on, as the log's own event says, which its digests have to cover."""
    for step in draft.find(7, EV_EFI_VARIABLE_DRIVER_CONFIG):
        variable = variables.read(step.data)
        if variable is not None and variable.name == "SecureBoot" and step.event is not None:
            return variable.data == b"\1" and explains(bytes_of(step.data), step.event)
    return False
