"""Fuzzing the library: bytes of every kind, led by coverage (atheris).

The invariant. Whatever the bytes and the options, a public function ends

* in a result, or in an error of evlog's own (`evlog.EvlogError`), and in nothing else; no decoder fails but by finding
  its data damaged;
* within 2 seconds of processor time and 512 MiB of memory for an input of 64 KiB (of compressed input, which is as
  large as what it unpacks to: within five times as much);
* in bytes that are those that were read, where a log that was read is written by its own format; in JSON and CBOR,
  which have several spellings, in bytes that read as the same log;
* without a word in favour of what nobody signed: evidence that is anchored states the values that were signed, and an
  event is proven only if its digest is one of the log that the register values are of.

python -m tests.fuzz --seconds 120       all targets for two minutes together; finds are left in tests/fuzz/found
python -m tests.fuzz --replay            what was found once, through its targets (the quick suite does so too)

Rules of the room:

1. `targets` know evlog by its public names, and no format.
2. An input is self-contained: choices first, then the parts.
3. Only `worker` knows atheris; without it finds can be replayed.
"""
