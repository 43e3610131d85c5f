"""Predictions of GRUB: a configuration is run as GRUB runs it, and what nothing determines is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.predicting.grub_run import Run
from tests.boots import IPL, after, event, extended, log_of
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from evlog.model import Log

CMDLINE = "console=ttyS0 no_timer_check panic=-1 rootfstype=ramfs"
#: What the machines of samples/tcg2/grub-206 and grub-212 had, the second with a start that leads to it.
HEAD = "set timeout=0\nserial --unit=0 --speed=115200\nterminal_output serial\n"
BEFORE = (
    HEAD
    + """search --no-floppy --file --set=root /vmlinuz
function tell {
  if [ "$1" = one ]; then echo "first $1 $#"; else echo 'other' $2; fi
}
set extra="a  b"
source $prefix/more.cfg
for x in one two; do tell $x "$extra" ; done
menuentry 'T $x' --class debian --id debian {
        set v='q "x"'
        linux /vmlinuz CMDLINE $extra "w x" quote=$v back=\\\\slash
        initrd /initrd.img
}
menuentry 'other' --id other { echo other; }
""".replace("CMDLINE", CMDLINE)
)
MORE = """set color=blue
if [ -e /nothing ]; then set there=1; elif [ -e $prefix/more.cfg ]; then set there=2; fi
"""
AFTER = (
    BEFORE.replace("first $1 $#", "first: $1 $# $there")
    .replace("for x in one two", "for x in two one three")
    .replace("set v=", "set default=other\n        set v=")
    .replace(
        'tell $x "$extra" ;',
        'tell $x $extra; if test -n "$there" -a "$x" != two; then echo "$@" yes; fi;',
    )
)
MORE_AFTER = (
    MORE
    + """echo "more ${color}x$nothing" $nothing '$color' a\\ b
set default='debian'
"""
)
START = "search.file /vmlinuz root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"


def of_206(text: str) -> bytes:
    return text.replace("linux /", "linuxefi /").replace("initrd /", "initrdefi /").encode()


MACHINES = {
    "206": (
        {"/EFI/debian/grub.cfg": of_206(BEFORE), "/EFI/debian/more.cfg": MORE.encode()},
        {"/EFI/debian/grub.cfg": of_206(AFTER), "/EFI/debian/more.cfg": MORE_AFTER.encode()},
    ),
    "212": (
        {
            "/EFI/debian/grub.cfg": START.encode(),
            "/boot/grub/grub.cfg": BEFORE.encode(),
            "/boot/grub/more.cfg": MORE.encode(),
        },
        {"/boot/grub/grub.cfg": AFTER.encode(), "/boot/grub/more.cfg": MORE_AFTER.encode()},
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_configurations_that_two_machines_booted(name: str) -> None:
    """Functions, loops, a file that is sourced and one that is configured by, words of all kinds; kernel and initrd
    are not given, and known from the log."""
    was, now = MACHINES[name]
    found = evlog.predict(evlog.read(SAMPLES / "tcg2" / f"grub-{name}.bin"), now, was)
    assert found.complete, found.unknown
    read = json.loads((SAMPLES / "tcg2" / f"grub-{name}-updated.pcrs.json").read_text())
    for row in found.registers:
        assert row.after is not None
        assert row.after.hex() == read[row.alg.name][str(row.register.index)], row
    assert {str(row.register) for row in found.registers if row.changed} == {"pcr:8", "pcr:9"}
    updated = evlog.read(SAMPLES / "tcg2" / f"grub-{name}-updated.bin")
    assert [(e.register, e.digests) for e in found.log.events if str(e.register) in ("pcr:8", "pcr:9")] == [
        (e.register, e.digests) for e in updated.events if str(e.register) in ("pcr:8", "pcr:9")
    ]


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("set extra", "echo $cmdpath\nset extra", "cmdpath="),
        ("set extra", "echo $timeout_style\nset extra", "unset: timeout_style"),
        ("set extra", "probe -u $prefix --set=extra\nset extra2", "probe"),
        ("set extra", "load_env\nset extra", "load_env"),
        ("set extra", "set lang=de\nset extra", "set lang=de"),
        ("set extra", "search --file --set=root /other\nset extra", "search: file /other"),
        ("set extra", "blscfg\nset extra", "blscfg"),
        ('set extra="a  b"', 'set extra=" a"', "begins with a blank"),
        ("set timeout=0", "set timeout2=0", "unset: timeout"),
    ],
)
def test_what_the_last_boot_does_not_tell(name: str, old: str, new: str, reason: str) -> None:
    was, now = MACHINES[name]
    place = next(place for place in now if place.endswith("/grub.cfg"))
    changed = {place: was[place].replace(old.encode(), new.encode())}
    found = evlog.predict(evlog.read(SAMPLES / "tcg2" / f"grub-{name}.bin"), changed, was)
    for row in found.registers:
        assert (row.after is None) == (row.register.index in (4, 8, 9)), (row, found.unknown)
    assert any(reason in each.reason for each in found.unknown), found.unknown


def test_where_something_was_found_is_known_if_the_log_shows_it() -> None:
    """The one machine printed where root is, the other did not."""
    for name, known in (("206", False), ("212", True)):
        was, _ = MACHINES[name]
        place = next(place for place in was if place.endswith("/grub.cfg") and len(was[place]) > 200)
        changed = {place: was[place].replace(b"set extra", b"echo $root\nset extra")}
        found = evlog.predict(evlog.read(SAMPLES / "tcg2" / f"grub-{name}.bin"), changed, was)
        assert found.complete == known, found.unknown


def test_something_else_than_a_kernel_may_be_booted() -> None:
    was, _ = MACHINES["212"]
    place = "/boot/grub/grub.cfg"
    changed = {place: was[place].replace(b"linux /vmlinuz", b"chainloader /EFI/Linux/a.efi #")}
    found = evlog.predict(evlog.read(SAMPLES / "tcg2" / "grub-212.bin"), changed, was)
    assert {row.register.index for row in found.registers if row.after is None} == {4, 5, 7, 8, 9, 11, 12, 13}


def run_of(text: str, files: dict[str, str] | None = None) -> list[str]:
    """What a configuration logs, with all answers as they are likely."""
    run = Run("(hd0,gpt1)/g/grub.cfg", ("hd0,gpt1", "hd0,gpt2"), lambda question, likely: likely, (files or {}).get)
    run.configuration(text)
    return [entry.text for entry in run.logged]


def test_the_words_of_grubs_script() -> None:
    assert run_of("""a='x  y'; echo $a "$a" pre${a}post '$a' "" $none "$none" \\$a""") == [
        "a=x  y",
        "echo x y x  y prex ypost $a   $a",
    ]
    assert run_of('function f { echo $# "$*" "<$@>" $2; }; f "1 2" 3')[1:] == ["echo 2 1 2 3 <1 2 3> 3"]


def test_a_configuration_knows_where_it_is() -> None:
    files = {"/h/b.cfg": "echo $config_directory"}
    assert run_of("echo $config_file; source /h/b.cfg; echo $config_directory", files)[::2] == [
        "echo (hd0,gpt1)/g/grub.cfg",
        "/h/b.cfg",
        "echo (hd0,gpt1)/g",
    ]


def test_an_environment_block_and_a_menu_in_a_menu() -> None:
    block = "# GRUB Environment Block\nsaved_entry=more>two\n#####"
    text = """load_env; set default=$saved_entry; export kept; set kept=1; set left=2
submenu More --id more { menuentry One { echo one; }; menuentry Two --id two { echo $kept $left .; } }
"""
    assert run_of(text, {"(hd0,gpt1)/g/grubenv": block})[-3:] == ["menuentry Two --id two { echo $kept $left .; }",
        "setparams Two", "echo 1 ."]  # fmt: skip


def test_a_module_that_was_loaded_is_not_loaded_again() -> None:
    """Files that commands open besides are known in the order of the last boot, and in no other."""
    text = "insmod one\ninsmod two\ninsmod one\n"
    rows = [
        event(8, IPL, b"grub_cmd: insmod one\0", b"insmod one"),
        event(9, IPL, b"(hd0,gpt1)/g/one.mod\0", b"one"),
        event(8, IPL, b"grub_cmd: insmod two\0", b"insmod two"),
        event(9, IPL, b"(hd0,gpt1)/g/two.mod\0", b"two"),
        event(8, IPL, b"grub_cmd: insmod one\0", b"insmod one"),
    ]

    def predicted(new: str) -> bytes | None:
        log = log_of(event(9, IPL, b"(hd0,gpt1)/g/grub.cfg\0", text.encode()), *rows)
        return after(evlog.predict(log, {"/g/grub.cfg": new.encode()}, {"/g/grub.cfg": text.encode()}), 9)

    same = text + "echo a\n"
    assert predicted(same) == extended(same.encode(), b"one", b"two")
    assert predicted("insmod two\ninsmod one\ninsmod one\n") is None
    assert predicted("insmod two\n") is None


CONFIG = """set default="0"
if [ -s $prefix/grubenv ]; then load_env; fi
function tell { echo "$1"; }
menuentry 'One two' --id one { tell   'a b'
  linux /vmlinuz "x y" z
}
menuentry never { echo never; }
"""


def grub_log(config: str, texts: list[tuple[int, str]]) -> Log:
    cfg = "(hd0,gpt1)/g/grub.cfg"
    rows = [event(8, IPL, b"grub_cmd: insmod x\0", b"insmod x"), event(9, IPL, cfg.encode() + b"\0", config.encode())]
    for pcr, text in texts:
        if pcr == 9:
            rows.append(event(9, IPL, text.encode() + b"\0", b"kernel"))
        else:
            prefix = "kernel_cmdline: " if text.startswith("/") else "grub_cmd: "
            rows.append(event(8, IPL, (prefix + text).encode() + b"\0", text.encode()))
    return log_of(*rows)


BLOCKS = ["{ tell   'a b'\n  linux /vmlinuz \"x y\" z\n}", "{ echo never; }"]
TEXTS = [
    (8, "set default=0"),
    (8, "[ -s (hd0,gpt1)/g/grubenv ]"),
    (8, f"menuentry One two --id one {BLOCKS[0]}"),
    (8, f"menuentry never {BLOCKS[1]}"),
    (8, "setparams One two"),
    (8, "tell a b"),
    (8, "echo a b"),
    (8, "linux /vmlinuz x y z"),
    (9, "/vmlinuz"),
    (8, '/vmlinuz "x y" z'),
]


def test_a_configuration_of_grub_is_run() -> None:
    log = grub_log(CONFIG, TEXTS)
    new = CONFIG.replace("echo never", "echo never ever").replace("one {", "uno {")
    found = evlog.predict(log, {"/g/grub.cfg": new.encode()}, {"/g/grub.cfg": CONFIG.encode()})
    assert found.complete, found.unknown
    texts = [text.replace("one {", "uno {").replace("echo never", "echo never ever") for pcr, text in TEXTS if pcr == 8]
    assert after(found, 8) == extended(b"insmod x", *(text.encode() for text in texts))
    assert after(found, 9) == extended(new.encode(), b"kernel")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("'One two' --id", "'One two' --class $theme --id", "unset: theme"),
        ("tell   'a b'", "cryptomount -a", "cryptomount"),
        ("/vmlinuz", "/vmlinuz-6", "/vmlinuz-6 is not given"),
        ("set default", "source $prefix/more.cfg\nset default", "more.cfg"),
        ("if [ -s $prefix/grubenv ]", "if [ -s $prefix/other ]", "other"),
        ("echo never; }", "echo never; ", "expected"),
        ("tell   'a b'", "chainloader /x.efi", "chainloader"),
    ],
)
def test_what_is_not_determined_is_said(old: str, new: str, reason: str) -> None:
    log = grub_log(CONFIG, TEXTS)
    changed = CONFIG.replace(old, new).encode()
    found = evlog.predict(log, {"/g/grub.cfg": changed}, {"/g/grub.cfg": CONFIG.encode()})
    assert after(found, 8) is None
    assert after(found, 9) is None
    assert any(reason in each.reason for each in found.unknown), found.unknown


def test_a_configuration_that_does_not_log_what_the_log_has() -> None:
    log = grub_log(CONFIG, [*TEXTS[:-4], (8, "echo c d"), *TEXTS[-3:]])
    found = evlog.predict(log, {"/g/grub.cfg": CONFIG.encode() + b"\n"}, {"/g/grub.cfg": CONFIG.encode()})
    assert after(found, 8) is None


def test_a_loop_without_end_ends() -> None:
    log = grub_log(CONFIG, TEXTS)
    changed = b"while true; do echo x; done\n" + CONFIG.encode()
    found = evlog.predict(log, {"/g/grub.cfg": changed}, {"/g/grub.cfg": CONFIG.encode()})
    assert after(found, 8) is None
