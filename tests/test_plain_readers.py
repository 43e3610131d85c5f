"""What evlog writes, read by readers that know only the specifications: their registers must be those of the TPM.

`evlog.changing.naive` has the same rules inside evlog, where conversions are proven by them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog import SHA1, SHA256, Digest, Register
from evlog.changing import naive
from evlog.errors import ConversionError
from evlog.formats import room, writer
from samples import make_cel
from tests import plain_readers
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    Values = dict[tuple[int, str], bytes]

VIOLATIONS = SAMPLES / "ima-binary/ng-violations.bin"
#: Registers of firmware alone, that start from zeros whatever the machine; PCR 0 does not after another locality.
FIRMWARE = {0, 1, 2, 3, 6, 7}


def of_tpm(path: Path) -> Values:
    """The values that the TPM had when the logs beside them were read."""
    banks = json.loads(path.read_text())
    return {(int(pcr), bank): bytes.fromhex(value) for bank, row in banks.items() for pcr, value in row.items()}


def agreeing(found: Values, tpm: Values, registers: set[int]) -> int:
    """How many of the registers have the TPM's value; none may have another."""
    rows = {key: value for key, value in found.items() if key[0] in registers and key in tpm}
    assert {key: value.hex() for key, value in rows.items()} == {key: tpm[key].hex() for key in rows}
    return len(rows)


def firmware_agrees(log: Path, tpm: Values, registers: set[int]) -> None:
    read = evlog.read(log)
    banks = {bank for _, bank in tpm}
    for to, reader in plain_readers.READERS.items():
        found = plain_readers.extended(reader(evlog.convert(read, to).data))
        assert agreeing(found, tpm, registers) >= (len(registers) - 1) * len({b for _, b in found} & banks)


def list_agrees(log: Path, tpm: Values) -> None:
    data = log.read_bytes()
    read = evlog.read(log)
    bank = str(read.algorithms[0])
    for to, reader in plain_readers.READERS.items():
        there = evlog.convert(read, to)
        assert there.losses == ()
        assert agreeing(plain_readers.extended(reader(there.data)), tpm, {10}) == 1
        back = evlog.convert(evlog.read(there.data), "ima-binary")
        assert (back.data, back.losses) == (data, ())
    for to, list_reader in plain_readers.LISTS.items():
        written = evlog.convert(read, to).data
        assert agreeing(plain_readers.extended(list_reader(written, bank)), tpm, {10}) == 1


@pytest.mark.parametrize("name", ["ovmf", "seabios", "secure-boot"])
def test_firmware_samples(name: str) -> None:
    firmware_agrees(SAMPLES / f"tcg2/{name}.bin", of_tpm(SAMPLES / f"tcg2/{name}.pcrs.json"), FIRMWARE)


@pytest.mark.parametrize("name", ["ng-violations", "legacy", "sha256"])
def test_list_samples(name: str) -> None:
    list_agrees(SAMPLES / f"ima-binary/{name}.bin", of_tpm(SAMPLES / f"ima-binary/{name}.pcrs.json"))


def test_every_log_of_the_virtual_machines(vm: Path) -> None:
    machines = sorted(vm.glob("*/pcrs.json"))
    assert len(machines) > 5
    for pcrs in machines:
        tpm = of_tpm(pcrs)
        firmware = pcrs.parent / "binary_bios_measurements"
        if firmware.exists() and firmware.stat().st_size:
            moved = {0} if b"StartupLocality\0" in firmware.read_bytes() else set()
            firmware_agrees(firmware, tpm, FIRMWARE - moved)
        for log in sorted(pcrs.parent.glob("ima-binary_runtime_measurements*")):
            if log.stat().st_size and (10, str(evlog.read(log).algorithms[0])) in tpm:
                list_agrees(log, tpm)


@pytest.mark.parametrize("to", plain_readers.READERS)
def test_a_violation_is_ones_in_a_cel_and_zeros_in_a_list(to: str) -> None:
    log = evlog.read(VIOLATIONS)
    there = evlog.convert(log, to)
    zeros = [event.number for event in log.events if not any(event.digests[0].value)]
    ones = [event.number for event in there.log.events if event.digests[0].value == b"\xff" * 20]
    assert zeros == ones == [25, 28]
    assert there.losses == ()
    text = evlog.convert(there.log, "ima-ascii")
    assert text.data == (SAMPLES / "ima-ascii/ng-violations.txt").read_bytes()


@pytest.mark.parametrize("to", ["cel-json", "cel-cbor"])
def test_zeros_that_another_tool_copied_into_a_cel_are_named_where_they_become_ones(to: str) -> None:
    copied = b"".join(make_cel.record_tlv(each) for each in make_cel.ima(b"\0"))
    log = evlog.read(copied)
    there = evlog.convert(log, to)
    assert [(loss.event, loss.field) for loss in there.losses] == [(1, "digests.sha1"), (1, "digests.sha256")]
    assert there.log.events[1].digests == (Digest(SHA1, b"\xff" * 20), Digest(SHA256, b"\xff" * 32))
    assert evlog.replay(there.log).registers() == evlog.replay(log).registers()
    assert evlog.convert(log, "cel-tlv").data == copied
    # In a list they are zeros again, and nobody could tell them from those of a CEL that has ones.
    assert (1, "digests.sha1") in {(loss.event, loss.field) for loss in evlog.convert(log, "ima-binary").losses}


def test_a_list_with_ones_is_named_where_they_would_come_back_as_zeros() -> None:
    log = evlog.read(VIOLATIONS)
    event = log.events[25].replace(digests=(Digest(SHA1, b"\xff" * 20),), origin=None)
    odd = log.replace(events=(*log.events[:25], event, *log.events[26:]))
    assert [(loss.event, loss.field) for loss in evlog.convert(odd, "cel-tlv").losses] == [(25, "digests.sha1")]


@pytest.mark.parametrize("to", ["cel-json", "cel-tlv", "cel-cbor"])
def test_a_room_that_leaves_zeros_in_a_cel_is_found_out(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """evlog itself takes zeros for a violation; the proof does not, as nobody else does."""
    from evlog.formats.cel import record

    monkeypatch.setattr(record, "_digests", lambda event, encoding, losses: event.digests)
    log = evlog.read(VIOLATIONS)
    with pytest.raises(ConversionError, match=f"{to} would change pcr:10 in sha1"):
        evlog.convert(log, to)


def test_told_is_what_a_plain_reader_computes() -> None:
    copied = b"".join(make_cel.record_tlv(each) for each in make_cel.ima(b"\0"))
    by_hand = plain_readers.extended(plain_readers.cel_tlv(copied))
    for format in plain_readers.READERS:
        log = (
            evlog.read(copied) if format == "cel-tlv" else room(format).read(_written(copied, format), evlog.Options())
        )
        told = naive.told(log, format)
        assert {(row.register.number, str(row.alg)): row.value for row in told} == by_hand
        assert evlog.replay(log)[Register("pcr", 10), SHA1] != by_hand[10, "sha1"]


def _written(copied: bytes, format: str) -> bytes:
    return writer(format).write(evlog.read(copied).replace(format=format, header=None), evlog.Options())
