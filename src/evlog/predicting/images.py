"""Which image events the files stand behind: by the path in the event and the Authenticode digest.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.4.1, 3.3.4.5 and 10.2.3. Shim logs what it is given in
a buffer with no path at all: there the digest alone tells, with the event's type and register.
"""

from __future__ import annotations

from evlog.contents.event_types import (
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_RUNTIME_SERVICES_DRIVER,
)
from evlog.errors import ParseError
from evlog.predicting.files import normal
from evlog.predicting.measured import image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.measured import Measured

__all__ = ["AFTER", "IMAGE_TYPES", "Images", "path_of"]

RULE = "Authenticode digest of the image"
IMAGE_TYPES = (EV_EFI_BOOT_SERVICES_APPLICATION, EV_EFI_BOOT_SERVICES_DRIVER, EV_EFI_RUNTIME_SERVICES_DRIVER)

#: What an image that is started may go on to extend.
AFTER = (2, 4, 5, 7, 8, 9, 11, 12, 13, 14)


def path_of(step: Step) -> str | None:
    """The file in the event's device path, as a place; empty if the path has no file; None if there is no path."""
    from evlog.decoders import decode
    from evlog.decoders.image_load import ImageLoad

    decoded = decode(step.event) if step.event is not None else None
    if not isinstance(decoded, ImageLoad) or not decoded.device_path.nodes:
        return None
    file = decoded.device_path.file
    return normal("/" + file.replace("\\", "/").lstrip("/")) if file else ""


class Images:
    """The image steps of a draft, and the place of each whose old file explains it."""

    def __init__(self, draft: Draft, files: Files) -> None:
        self.draft = draft
        self.files = files
        self._made: dict[bytes, Measured | None] = {}
        self.steps = [step for pcr in (2, 4) for step in draft.find(pcr, *IMAGE_TYPES)]
        self.steps.sort(key=draft.index)
        self.paths = {id(step): path_of(step) for step in self.steps}
        self.places: dict[int, str] = {}
        places = [p for p in (*files.paths(), "uki") if self.of(files.old(p)) is not None]
        for step in self.steps:
            path = self.paths[id(step)]
            for place in places:
                if path not in (None, "") and place not in (path, "uki"):
                    continue
                if path == "":
                    continue
                measured = self.of(files.old(place))
                if measured is not None and draft.explained(step, measured, files.named(place), RULE):
                    self.places[id(step)] = place
                    break

    def of(self, data: bytes | None) -> Measured | None:
        """The image's digest, or None for what is no image that firmware would measure."""
        if data is None or data[:2] != b"MZ":
            return None
        if data not in self._made:
            try:
                self._made[data] = image(data)
            except ParseError:
                self._made[data] = None
        return self._made[data]

    def place_of(self, step: Step) -> str | None:
        return self.places.get(id(step))

    def at(self, place: str) -> list[Step]:
        """The steps that a place explains."""
        return [step for step in self.steps if self.places.get(id(step)) == normal(place)]

    def predict(self) -> None:
        """The new digests of all images that have a place."""
        for place in [*self.files.now]:
            if not (place.startswith("/") or place == "uki"):
                continue
            found = self.at(place)
            named = [s for s in self.steps if self.paths[id(s)] == place and id(s) not in self.places]
            for step in named:
                reason = f"event {step.event.number if step.event else '?'} is not explained by the old image"
                # Whatever it was, it is not what the old file says, and nor need be what it went on to log.
                self.draft.lose_pcrs(AFTER, self.files.named(place), reason)
            if not found:
                continue
            data = self.files.new(place)
            assert data is not None
            self.files.place(place)
            # What is no image stops the boot here; that is an error, and no prediction.
            measured = self.of(data) or image(data)
            for step in found:
                self.draft.change(step, measured, self.files.named(place), RULE)
