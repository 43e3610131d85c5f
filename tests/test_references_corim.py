"""CoRIM: what is in it, by a plain reader of CBOR and by the CDDL of the draft."""

from __future__ import annotations

import re
from typing import Any

import cbor2
import pytest

import evlog
from evlog.errors import ConversionError, ParseError
from evlog.references import corim
from tests.conftest import SAMPLES
from tests.made import event, header

LOG = SAMPLES / "tcg2" / "secure-boot.bin"
CCEL = SAMPLES / "ccel" / "ovmf-tdx.bin"
#: IANA's Named Information registry.
NUMBERS = {"sha256": 1, "sha384": 7, "sha512": 8}
ACTION = 0x80000007

#: What an event log needs of draft-ietf-rats-corim-11, in CDDL that needs no generics.
CDDL = """
corim    = #6.501({ 0: id, 1: [+ #6.506(bytes .cbor comid)], ? 3: profile })
comid    = { ? 0: tstr, 1: { 0: id, ? 1: uint }, ? 2: [+ entity], 4: { 0: [+ [env, [+ meas]]] } }
id       = tstr / (bytes .size 16)
profile  = #6.32(tstr) / #6.111(bytes)
entity   = { 0: tstr, ? 1: #6.32(tstr), 2: [+ 0..2] }
env      = { 0: class }
class    = { ? 0: class-id, ? 1: tstr, ? 2: tstr, ? 3: uint, ? 4: uint }
class-id = #6.37(bytes .size 16) / #6.111(bytes) / #6.560(bytes)
meas     = { ? 0: mkey, 1: mval }
mkey     = uint / tstr / #6.37(bytes .size 16) / #6.111(bytes)
mval     = { ? 2: digests, ? 11: tstr, ? 14: { + register => digests } }
register = uint / tstr
digests  = [+ [alg, bytes]]
alg      = int / tstr
"""

#: A CoRIM that veraison/corim takes as valid: registers 4 and "pcr:4/14" with digests of "evlog".
VECTOR = bytes.fromhex(
    "d901f5a2006464656d6f0181d901fa58d8a301a100500102030405060708090a0b0c0d0e0f100281a2006441434d45028100"
    "04a1008182a100a2016441434d4502654d6f64656c82a101a10ea1048282015820b68d4c38d61192b918a858b3b3ae0513c0"
    "6b0d4add5aea6b9343de90cd519fa782075830a952df0edf5ffff8502e19032024556506a08d7588fa03df65d65052bfc194"
    "95dd0394f07b7a074e9c86edfba87d580fa200687063723a342f313401a2028182015820b68d4c38d61192b918a858b3b3ae"
    "0513c06b0d4add5aea6b9343de90cd519fa70b6d45565f4546495f414354494f4e"
)


def made(log: evlog.Log, *, by: str = "event", vendor: str = "", model: str = "") -> bytes:
    return evlog.export(evlog.boot_of(log), "corim", by=by, vendor=vendor, model=model).data


def comids(data: bytes) -> list[dict[int, Any]]:
    """The CoMIDs of a manifest, read with nothing of evlog."""
    manifest = cbor2.loads(data)
    assert manifest.tag == 501
    assert set(manifest.value) == {0, 1}
    assert len(manifest.value[0]) == 16
    assert {tag.tag for tag in manifest.value[1]} == {506}
    return [cbor2.loads(tag.value) for tag in manifest.value[1]]


def measurements(comid: dict[int, Any]) -> list[dict[int, Any]]:
    ((_, found),) = comid[4][0]
    return list(found)


def test_by_event_each_event_is_a_measurement() -> None:
    log = evlog.read(LOG)
    (comid,) = comids(made(log, vendor="ACME", model="One"))
    ((environment, found),) = comid[4][0]
    assert environment == {0: {1: "ACME", 2: "One"}}
    measured = [each for each in log.events if each.measured]
    assert [each[0] for each in found] == [f"{each.register}/{each.number}" for each in measured]
    for each, told in zip(measured, found, strict=True):
        assert told[1][2] == [[NUMBERS[d.alg.name], d.value] for d in each.digests if d.alg.name in NUMBERS]
        assert told[1][11] == each.content.event_type_name  # type: ignore[attr-defined]


def test_by_register_each_register_is_an_integrity_register_and_a_measurement() -> None:
    log = evlog.read(LOG)
    (comid,) = comids(made(log, by="register"))
    first, *rest = measurements(comid)
    want: dict[int, list[list[object]]] = {}
    for row in evlog.replay(log):
        if row.alg.name in NUMBERS:
            want.setdefault(row.register.number, []).append([NUMBERS[row.alg.name], row.value])
    assert first == {1: {14: want}}
    assert {each[0]: each[1] for each in rest} == {f"pcr:{pcr}": {2: digests} for pcr, digests in want.items()}


def test_registers_of_a_guest_go_by_name() -> None:
    (comid,) = comids(made(evlog.read(CCEL), by="register"))
    first, *rest = measurements(comid)
    assert list(first[1][14]) == ["ccmr:1", "ccmr:2", "ccmr:3"]
    assert [each[0] for each in rest] == ["ccmr:1", "ccmr:2", "ccmr:3"]
    assert all([number for number, _ in digests] == [7] for digests in first[1][14].values())


def test_the_same_boot_gives_the_same_bytes_and_two_boots_two_comids() -> None:
    one, two = (evlog.boot_of(evlog.read(header("sha256") + event(4, ACTION, text, "sha256"))) for text in (b"a", b"b"))
    assert evlog.export(one, "corim").data == evlog.export([one, one], "corim").data
    first, second = comids(evlog.export([one, two], "corim").data)
    assert first[1][0] != second[1][0]
    assert len(first[1][0]) == 16


def test_the_encoding_is_deterministic() -> None:
    for by in ("event", "register"):
        for path in (LOG, CCEL):
            data = made(evlog.read(path), by=by)
            assert cbor2.dumps(cbor2.loads(data), canonical=True) == data


def test_what_it_has_no_number_or_place_for_is_a_loss() -> None:
    export = evlog.export(evlog.boot_of(evlog.read(LOG)), "corim")
    assert {loss.field for loss in export.losses} == {"content", "digests.sha1", "environment", "order"}
    named = evlog.export(evlog.boot_of(evlog.read(LOG)), "corim", by="register", vendor="ACME")
    assert {loss.field for loss in named.losses} == {"content", "digests.sha1"}
    with pytest.raises(ConversionError, match="no number"):
        made(evlog.read(header("sha1") + event(4, ACTION, b"a", "sha1")))
    # A number of the TPM's would be another algorithm there.
    assert not re.search(rb"\x82[\x04\x0b\x0c]\x58", made(evlog.read(LOG)))


def test_the_draft_s_cddl_takes_it() -> None:
    pycddl = pytest.importorskip("pycddl")
    schema = pycddl.Schema(CDDL)
    schema.validate_cbor(VECTOR)
    for path in (LOG, CCEL, SAMPLES / "tcg2" / "sha384-only.bin"):
        for by in ("event", "register"):
            schema.validate_cbor(made(evlog.read(path), by=by))
            schema.validate_cbor(made(evlog.read(path), by=by, vendor="ACME", model="One"))
    with pytest.raises(Exception, match=r"."):
        schema.validate_cbor(VECTOR.replace(b"\xd9\x01\xfa", b"\xd9\x01\xfb"))


def test_what_another_library_takes_is_read() -> None:
    ((registers, named),) = corim.read(VECTOR)
    assert registers.registers[0][0] == 4
    assert [digest.alg.name for digest in registers.registers[0][1]] == ["sha256", "sha384"]
    assert (named.key, named.name) == ("pcr:4/14", "EV_EFI_ACTION")
    assert named.digests[0].value.hex().startswith("b68d4c38d61192b9")


@pytest.mark.parametrize("cut", range(len(VECTOR)))
def test_a_cut_one_is_refused(cut: int) -> None:
    with pytest.raises(ParseError):
        corim.read(VECTOR[:cut])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\xd9\x01\xf5", b"\xd9\x01\xf4"),
        (b"\xd9\x01\xfa", b"\xd9\x01\xf9"),
        # A TPM's number, and one that is none.
        (b"\x82\x01\x58\x20", b"\x82\x04\x58\x20"),
        (b"\x82\x01\x58\x20", b"\x82\x0b\x58\x20"),
    ],
)
def test_a_wrong_one_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(ParseError):
        corim.read(VECTOR.replace(old, new, 1))
