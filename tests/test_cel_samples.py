"""The samples of CEL come out of their script, and evlog's own conversions come to the same bytes."""

from __future__ import annotations

import pytest

import evlog
from samples import make_cel
from tests.conftest import SAMPLES


@pytest.mark.parametrize(("name", "data"), make_cel.samples().items(), ids=str)
def test_a_sample_is_what_the_script_makes(name: str, data: bytes) -> None:
    assert (SAMPLES / name).read_bytes() == data


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("tcg2/ovmf.bin", "cel-tlv/ovmf.tlv"),
        ("tcg2/ovmf.bin", "cel-cbor/ovmf.cbor"),
        ("tcg2/ovmf.bin", "cel-json/ovmf.json"),
        ("ccel/ovmf-tdx.bin", "cel-tlv/ovmf-tdx.tlv"),
        ("ccel/ovmf-tdx.bin", "cel-cbor/ovmf-tdx.cbor"),
        ("ccel/ovmf-tdx.bin", "cel-json/ovmf-tdx.json"),
    ],
)
def test_a_conversion_is_what_the_script_makes(source: str, target: str) -> None:
    log = evlog.read(SAMPLES / source)
    conversion = evlog.convert(log, target.partition("/")[0])
    assert conversion.data == (SAMPLES / target).read_bytes()
    assert {loss.field for loss in conversion.losses} <= {"padding"}


@pytest.mark.parametrize("profile", ["minimal", "google"])
def test_a_profile_is_what_the_script_makes(profile: str) -> None:
    name = {"minimal": "minimal", "google": "google-widths"}[profile]
    sample = (SAMPLES / "cel-tlv" / f"{name}.tlv").read_bytes()
    log = evlog.read(SAMPLES / "cel-tlv" / "ovmf.tlv")
    first = log.replace(events=log.events[:12])
    assert evlog.write(first, profile=profile) == sample
    assert evlog.write(evlog.read(sample), profile="u32") == evlog.write(first)
