"""Write the synthetic samples of Linux's own logs: IMA lists and systemd's measurement log, one peculiarity each.

The bytes come from the layouts that the kernel and systemd document, packed here with `struct` and `json` and never by
evlog. Run ``python samples/make_linux.py`` to write them again; a test holds the files equal to what this makes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from pathlib import Path

EMPTY = hashlib.sha256(b"").digest()
BANKS = ("sha1", "sha256", "sha384", "sha512")


def joined(*values: bytes, order: str = "<") -> bytes:
    """Template data: each field with its length before it."""
    return b"".join(struct.pack(f"{order}I", len(value)) + value for value in values)


def entry(
    template: bytes,
    data: bytes,
    *,
    pcr: int = 10,
    bank: str = "sha1",
    order: str = "<",
    value: bytes | None = None,
) -> bytes:
    """An entry of a list of one bank. ``value`` is another template digest than that of the data."""
    digest = hashlib.new(bank, data).digest() if value is None else value
    head = struct.pack(f"{order}I", pcr) + digest + struct.pack(f"{order}I", len(template)) + template
    return head + struct.pack(f"{order}I", len(data)) + data


def legacy(digest: bytes, name: bytes, *, order: str = "<", value: bytes | None = None) -> bytes:
    """An entry of the template ``ima``: no length of the data, the name hashed with zeros up to 256 bytes."""
    hashed = hashlib.sha1(digest + name.ljust(256, b"\0")).digest()
    head = struct.pack(f"{order}I", 10) + (hashed if value is None else value) + struct.pack(f"{order}I", 3) + b"ima"
    return head + digest + struct.pack(f"{order}I", len(name)) + name


def file_digest(data: bytes, alg: str = "sha256", kind: str = "") -> bytes:
    """The field d-ng, or d-ngv2 with a kind."""
    return f"{kind}{':' if kind else ''}{alg}:\0".encode() + hashlib.new(alg, data).digest()


def signature(kind: int, size: int = 64) -> bytes:
    """A signature header and a signature that nobody can verify."""
    return struct.pack(">BBB4sH", kind, 3 if kind == 6 else 2, 4, b"\xb2\x02\x47\x39", size) + bytes(range(size))


def aggregate(order: str = "<", bank: str = "sha1") -> bytes:
    """The first entry of a list, of a TPM that nothing had extended."""
    return entry(b"ima-ng", joined(file_digest(bytes(320)), b"boot_aggregate\0", order=order), order=order, bank=bank)


def every_template(order: str = "<", bank: str = "sha1") -> bytes:
    """An entry of every template with lengths, with every field filled in where it can be."""

    def of(template: bytes, *values: bytes) -> bytes:
        return entry(template, joined(*values, order=order), order=order, bank=bank)

    names = b"security.selinux|security.ima\0"
    label, ima = b"system_u:object_r:bin_t:s0\0", b"\x04\x04" + EMPTY
    number = struct.Struct(f"{order}I").pack
    lengths = number(len(label)) + number(len(ima))
    mode = struct.pack(f"{order}H", 0o100755)
    d_ng, n_ng = file_digest(b"#!/bin/sh\n"), b"/usr/bin/sample\0"
    return (
        aggregate(order, bank)
        + of(b"ima-ng", d_ng, n_ng)
        + of(b"ima-ng", file_digest(b"x", "sha1"), n_ng)
        + of(b"ima-sig", d_ng, n_ng, signature(3))
        + of(b"ima-sig", d_ng, n_ng, b"")
        + of(b"ima-ngv2", file_digest(b"x", kind="ima"), n_ng)
        + of(b"ima-sigv2", file_digest(b"x", kind="verity"), n_ng, signature(6))
        + of(b"ima-buf", file_digest(b"root=/dev/vda quiet"), b"kexec-cmdline\0", b"root=/dev/vda quiet")
        + of(b"ima-modsig", d_ng, b"/lib/modules/x.ko\0", b"", file_digest(b"module"), b"\x30\x03\x02\x01\x01")
        + of(b"evm-sig", d_ng, n_ng, signature(5), names, lengths, label + ima, number(1000), number(100), mode)
        + of(b"evm-sig", d_ng, b"boot_aggregate\0", b"", b"", b"", b"", b"", b"", b"")
        + of(b"d-ng|n-ng|sig|iuid|igid|imode", d_ng, n_ng, b"", number(0), number(0), mode)
        + of(b"d|n", hashlib.md5(b"").digest(), b"/usr/bin/md5\0")
        + of(b"n-ng|d-ng", n_ng, d_ng)
        + of(b"sig", signature(3, 8))
    )


def odd_names() -> bytes:
    """Names as file systems have them, and as only a rebuilt kernel would write them."""
    names = (
        b"/usr/bin/with space\0", b"/usr/bin/two  spaces \0", b'/tmp/tab\tand"quote\\\0', b"/tmp/latin1-\xe9\0",
        "/tmp/ünï-日本\0".encode(), b"/" + b"x" * 300 + b"\0", b"/tmp/control\x1b[31m\0", b"\0", b"/tmp/without-nul",
    )  # fmt: skip
    return aggregate() + b"".join(entry(b"ima-ng", joined(file_digest(name), name)) for name in names)


def violations() -> bytes:
    """A list whose violations are on two PCRs, and an entry whose digest is not that of its data."""
    zeros = b"sha256:\0" + bytes(32)
    return (
        aggregate()
        + entry(b"ima-ng", joined(zeros, b"/var/log/journal\0"), value=bytes(20))
        + entry(b"ima-ng", joined(file_digest(b"on 11"), b"/etc/shadow\0"), pcr=11)
        + entry(b"ima-sig", joined(zeros, b"/var/lib/db\0", b""), value=bytes(20), pcr=11)
        + entry(b"ima-ng", joined(file_digest(b"changed"), b"/usr/bin/changed\0"), value=hashlib.sha1(b"?").digest())
        + entry(b"ima-ng", joined(file_digest(b"beyond"), b"/etc/beyond\0"), pcr=24)
    )


def sized(
    data: bytes,
    template: bytes = b"ima-ng",
    *,
    pcr: int = 10,
    bank: str = "sha256",
    order: str = "<",
    value: bytes | None = None,
) -> bytes:
    """An entry as patched kernels write it: with the length of the digest before the digest."""
    whole = entry(template, data, pcr=pcr, bank=bank, order=order, value=value)
    return whole[:4] + struct.pack(f"{order}I", hashlib.new(bank).digest_size) + whole[4:]


def processes(*names: bytes, group: bytes, name: bytes) -> bytes:
    """Template data of ima-dep-cgn and ima-cgpath: who started the process, its control group, the file."""
    return joined(b":".join(names) + b"\0", group + b"\0", file_digest(name), name + b"\0")


#: What a container host measures: the kernel's own, then a container's process.
HOST = (
    (b"ima-dep-cgn", processes(b"swapper/0", b"swapper/0", group=b"/", name=b"boot_aggregate")),
    (b"ima-dep-cgn", processes(b"swapper/0", b"swapper/0", group=b"/", name=b"/usr/lib/systemd/systemd")),
    (b"ima-dep-cgn", processes(b"/usr/bin/runc", b"/usr/bin/containerd-shim", b"swapper/0", group=b"3f0c",
                               name=b"/usr/bin/true")),
    (b"ima-cgpath", processes(b"/usr/bin/runc", b"swapper/0", group=b"/kubepods.slice/kubepods-pod0f.slice/cri-3f0c",
                              name=b"/etc/passwd")),
    (b"ima-ns", joined(file_digest(b"x"), b"/usr/bin/x\0", struct.pack("<I", 4026531840))),
)  # fmt: skip
_MESSAGES = joined(b"sha256:\0" + bytes(32), b"/var/log/messages\0")


def container_host() -> bytes:
    """The list of a host whose kernel is patched to tell containers apart, with a violation at its end."""
    return b"".join(sized(data, template) for template, data in HOST) + sized(_MESSAGES, value=bytes(32))


def container_host_lines() -> bytes:
    """The same as text, where the algorithm is named before each digest."""
    lines = []
    for template, data in HOST:
        fields, at = [], 0
        while at < len(data):
            (size,) = struct.unpack_from("<I", data, at)
            fields.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        text = b" ".join(
            field[:7] + field[8:].hex().encode() if field.startswith(b"sha256:\0")
            else field.hex().encode() if template == b"ima-ns" and len(field) == 4
            else field.rstrip(b"\0")
            for field in fields
        )  # fmt: skip
        lines.append(b"10 sha256:%s %s %s\n" % (hashlib.sha256(data).hexdigest().encode(), template, text))
    zeros = b"0" * 64
    return b"".join(lines) + b"10 sha256:%s ima-ng sha256:%s /var/log/messages\n" % (zeros, zeros)


def carried_over() -> bytes:
    """A list that a second kernel went on with after kexec."""
    file = entry(b"ima-ng", joined(file_digest(b"x"), b"/usr/bin/x\0"))
    kexec = entry(b"ima-buf", joined(file_digest(b"quiet"), b"kexec-cmdline\0", b"quiet"))
    return aggregate() + file + kexec + aggregate() + file


def realm() -> bytes:
    """The list of a realm under virtCCA: its numbers count measurement registers, but that of boot_aggregate."""
    files = (
        entry(b"ima-ng", joined(file_digest(name), name + b"\0"), pcr=4) for name in (b"/usr/bin/app", b"/bin/env")
    )
    zeros = entry(b"ima-ng", joined(b"sha256:\0" + bytes(32), b"/var/log/messages\0"), pcr=4, value=bytes(20))
    return aggregate() + b"".join(files) + zeros


def unknown_field() -> bytes:
    """A custom template with a field that nobody has described."""
    fields = joined(file_digest(b"x"), b"/etc/x\0", b"\x01\x02\x03")
    return aggregate() + entry(b"d-ng|n-ng|colour", fields) + aggregate()


def unknown_templates() -> bytes:
    """Templates that nobody has described: one of names and digests, one of anything."""
    return (
        aggregate()
        + entry(b"ima-cgroup", joined(b"/usr/bin/sh:init\0", b"/system.slice\0", file_digest(b"x"), b"/etc/x\0"))
        + entry(b"vendor", b"no lengths in here")
    )


def lines(*fields: tuple[str, str, bytes], ending: bytes = b"\n", pcr: int = 10, bank: str = "sha1") -> bytes:
    """Lines of an ascii list: template, fields as text, template data that the digest is the hash of."""
    return b"".join(
        f"{pcr:>2} {hashlib.new(bank, data).hexdigest()} {template} {text}".encode() + ending
        for template, text, data in fields
    )


def some_lines(ending: bytes = b"\n", bank: str = "sha1") -> bytes:
    """Three lines."""
    d_ng = file_digest(b"#!/bin/sh\n")
    text = f"sha256:{d_ng[8:].hex()}"
    return lines(
        ("ima-ng", f"{text} /usr/bin/sample", joined(d_ng, b"/usr/bin/sample\0")),
        ("ima-sig", f"{text} /usr/bin/sample ", joined(d_ng, b"/usr/bin/sample\0", b"")),
        ("ima-sig", f"{text} /a name {signature(3, 2).hex()}", joined(d_ng, b"/a name\0", signature(3, 2))),
        ending=ending,
        bank=bank,
    )


def unproven_lines() -> bytes:
    """Lines of which the template data is not in the text, each for another reason."""
    zeros = "0" * 40
    digest = hashlib.sha1(b"?").hexdigest()
    return (
        some_lines()
        + "".join(
            f"10 {line}\n"
            for line in (
                f"{zeros} ima-ng sha256:{'0' * 64} /var/log/violation",
                f"{digest} ima-ng sha256:{'1' * 64} /usr/bin/changed",
                f"{digest} ima-ng not-a-digest /usr/bin/odd",
                f"{digest} vendor anything at all",
                f"{digest.upper()} ima-ng sha256:{'2' * 64} /upper/case",
            )
        ).encode()
    )


def record(
    string: str | None, *, banks: tuple[str, ...] = BANKS, value: bytes | None = None, **members: object
) -> bytes:
    """A record of systemd's log. ``value`` is another digest than that of the string."""
    event_type = members.pop("eventType", "phase")
    index: dict[str, object] = {name: members.pop(name) for name in ("pcr", "nv_index", "rtmr") if name in members}
    digests = [
        {"hashAlg": bank, "digest": (value or hashlib.new(bank, (string or "").encode()).digest()).hex()}
        for bank in banks
    ]
    index = index or {"pcr": 11}
    content: dict[str, object] = {} if string is None else {"string": string}
    content |= {"bootId": "0f" * 16, "timestamp": 4061113, "eventType": event_type, **members}
    document = dict(index, digests=digests, content_type="systemd", content=content)
    return b"\x1e" + json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def systemd_log() -> bytes:
    """Registers of every kind that systemd extends, and records that say less, or more, than usual."""
    key = hmac.digest(bytes(64), b"cryptsetup:root:5e47a9db-0000-0000-0000-000000000000", "sha256")
    plain = {"pcr": 11, "digests": [{"hashAlg": "sha256", "digest": hashlib.sha256(b"ready").hexdigest()}]}
    return (
        record("enter-initrd")
        + record("machine-id:" + "1" * 32, pcr=15, eventType="machine-id")
        + record("cryptsetup:root:5e47a9db-0000-0000-0000-000000000000", banks=("sha256",), value=key, pcr=15,
                 eventType="volume-key")
        + record("verity:usr:ünï", banks=("sha256",), nv_index=0x01D10202, eventType="dm-verity", nvIndexName="verity")
        + record("os-separator", pcr=7, eventType="os-separator", colour="green")
        + b"\x1e" + json.dumps({**plain, "content": {"string": "ready"}}).encode() + b"\n"
        + b"\x1e" + json.dumps(plain, separators=(",", ":")).encode() + b"\n"
    )  # fmt: skip


def cc_log() -> bytes:
    """The registers of TDX, as systemd counts them."""
    return record("enter-initrd", banks=("sha384",), rtmr=2) + record("sysinit", banks=("sha384",), rtmr=2)


def samples() -> dict[str, bytes]:
    """Every synthetic sample by its path in this folder."""
    some = every_template()
    ascii_entry = some_lines()
    return {
        "ima-binary/every-template.bin": some,
        "ima-binary/big-endian.bin": every_template(">"),
        "ima-binary/sha512.bin": every_template(bank="sha512"),
        "ima-binary/sha384.bin": every_template(bank="sha384"),
        "ima-binary/legacy-big-endian.bin": legacy(hashlib.sha1(b"").digest(), b"boot_aggregate", order=">")
        + legacy(hashlib.md5(b"").digest().ljust(20, b"\0"), b"/init", order=">")
        + legacy(bytes(20), b"/tmp/violation", order=">", value=bytes(20)),
        "ima-binary/odd-names.bin": odd_names(),
        "ima-binary/violations.bin": violations(),
        "ima-binary/unknown-field.bin": unknown_field(),
        "ima-binary/container-host.bin": container_host(),
        "ima-ascii/container-host.txt": container_host_lines(),
        "ima-binary/carried-over.bin": carried_over(),
        "ima-binary/realm.bin": realm(),
        "ima-ascii/spellings.txt": b"\n" + some_lines(b"\r\n") + b"\n" + some_lines().replace(b" \n", b"\n"),
        "ima-ascii/sha384.txt": some_lines(bank="sha384"),
        "ima-ascii/unproven.txt": unproven_lines(),
        "ima-ascii/unended.txt": ascii_entry[:-1],
        "systemd/every-record.log": systemd_log(),
        "systemd/cc-measure.log": cc_log(),
        "bad/ima-cut.bin": some[:-3],
        "bad/ima-trailing-newline.bin": some + b"\n",
        "bad/ima-length-bomb.bin": aggregate() + aggregate()[:34] + b"\xff\xff\xff\x7f" + b"short",
        "bad/ima-name-bomb.bin": aggregate() + aggregate()[:24] + b"\xff\xff\xff\x7f" + b"short",
        "bad/ima-unknown-templates.bin": unknown_templates(),
        "bad/ima-only-a-violation.bin": entry(b"ima-ng", joined(b"sha1:\0" + bytes(20), b"/x\0"), value=bytes(20)),
        "bad/ima-other-digest-length.bin": container_host() + sized(_MESSAGES, bank="sha1"),
        "bad/ima-ascii-other-digest.txt": container_host_lines() + some_lines(bank="sha256"),
        "bad/ima-ascii-cut.txt": ascii_entry + ascii_entry[:30],
        "bad/ima-ascii-prose.txt": ascii_entry + b"and then something else\n" + ascii_entry,
        "bad/systemd-torn.log": systemd_log()[:-40],
        "bad/systemd-not-json.log": record("enter-initrd") + b"\x1e{'pcr': 11}\n" + record("leave-initrd"),
    }


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    for name, data in samples().items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(data)


if __name__ == "__main__":
    main()
