"""Mutants: one wrong word each in code that gives a verdict, and the test that must notice.

python -m tests.mutants                  all of them, in copies of this tree; exit 1 if one survives or does not apply
python -m tests.mutants 4 17 --jobs 1    some of them, by number
python -m tests.mutants --list           the numbers

A mutant is a place in a file that stands there exactly once, what takes its place, and the test that then fails. Only
that test is run. The quick suite holds the table against the source (`tests/test_mutants.py`): when code is reworded,
reword the mutant, and run it.
"""

from __future__ import annotations

import argparse
import ast
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
# What no test needs, or what would be a copy of something that was built here.
_LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "target", "build", "dist")
_TIMEOUT = 300  # seconds: a mutant that never ends is one that was noticed
_FAILED, _PASSED = 1, 0  # exit codes of pytest; any other says that the test was not run


class Mutant(NamedTuple):
    """``file`` is below ``src/evlog``; ``test`` is a file below ``tests``, ``::``, and the name of a test."""

    file: str
    old: str
    new: str
    test: str

    @property
    def source(self) -> Path:
        return ROOT / "src" / "evlog" / self.file

    def __str__(self) -> str:
        return f"{self.file}: {self.old!r} -> {self.new!r}"


MUTANTS: tuple[Mutant, ...] = (
    # Found once by hand, when the suite did not notice them.
    Mutant(
        "replaying/statements.py",
        "max(worst, made.verdict, key=VERDICTS.index), made",
        "made.verdict, made",
        "test_statements.py::test_a_continuous_sync_after_a_gap_makes_nothing_good",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "credentials.nonce != quote.extra_data",
        "not quote.extra_data.startswith(credentials.nonce)",
        "test_evidence_signed.py::test_part_of_the_nonce_is_another_nonce",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "signed and bool(quote.selection)",
        "signed",
        "test_evidence_signed.py::test_a_signed_quote_of_nothing_anchors_nothing",
    ),
    Mutant(
        "verifying/hypotheses.py",
        "all(case.event(step).content.logged_first",
        "any(case.event(step).content.logged_first",
        "test_verify.py::test_only_what_is_logged_first_may_be_ahead_of_the_register",
    ),
    Mutant(
        "changing/convert.py",
        "for key in {**old, **new}",
        "for key in old",
        "test_convert.py::test_a_register_that_the_result_invents_is_refused",
    ),
    Mutant(
        "replaying/start.py",
        "_ONES = range(17, 23)",
        "_ONES = range(17, 24)",
        "test_verify.py::test_pcr_17_to_22_start_at_ones_and_no_other",
    ),
    Mutant(
        "contents/startup_locality.py",
        "LOCALITIES = (0, 3, 4)",
        "LOCALITIES = (0, 1, 3, 4)",
        "test_replay.py::test_what_is_no_locality_does_not_count",
    ),
    Mutant(
        "replaying/replayer.py",
        "log.rules and any(twins)",
        "any(twins)",
        "test_replay.py::test_a_firmware_log_without_the_bank_leaves_it_open",
    ),
    Mutant(
        "verifying/composite.py",
        "if len(whole) < len(values):",
        "if not whole:",
        "test_verify.py::test_a_pcr_digest_over_a_register_that_the_log_does_not_tell",
    ),
    Mutant(
        "intake/store.py",
        "if rest and value != self.old else before",
        "if value != self.old else before",
        "test_append.py::test_a_reader_takes_no_line_that_may_not_have_happened",
    ),
    Mutant(
        "changing/split.py",
        "if log.trailing:",
        "if False:",
        "test_tree.py::test_what_belongs_to_no_register_is_a_loss",
    ),
    Mutant(
        "merging/overlap.py",
        ' or log.header.get("headless") != 1',
        "",
        "test_merge.py::test_only_a_log_without_a_header_may_begin_with_what_another_ended_with",
    ),
    Mutant(
        "formats/tcg/frame.py",
        "MAX_DIGESTS = 64 ",
        "MAX_DIGESTS = 63 ",
        "test_reading.py::test_a_record_may_have_64_digests",
    ),
    # Evidence: a signature, a certificate, a nonce or a binding that is not looked at.
    Mutant(
        "evidence/__init__.py",
        'any(finding.severity == "error" for',
        'all(finding.severity == "error" for',
        "test_evidence_signed.py::test_without_a_key_nothing_is_authenticated",
    ),
    Mutant(
        "evidence/_account.py",
        "anchored and not self.findings,",
        "anchored,",
        "test_evidence_signed.py::test_changed_values_do_not_give_the_digest",
    ),
    Mutant(
        "evidence/_account.py",
        "elif not nonce or nonce.ljust(",
        "elif nonce.ljust(",
        "test_evidence_signed.py::test_an_empty_nonce_is_not_the_one_of_a_report_without",
    ),
    Mutant(
        "evidence/_account.py",
        'nonce.ljust(len(report_data), b"\\0") != report_data',
        "not report_data.startswith(nonce)",
        "test_evidence_signed.py::test_the_nonce_is_the_one_that_was_asked_for",
    ),
    Mutant(
        "evidence/_keys.py",
        "if when < certificate.not_valid_before_utc:",
        "if False:",
        "test_evidence_signed.py::test_a_certificate_that_may_not_issue_yet_or_at_all",
    ),
    Mutant(
        "evidence/_keys.py",
        "if when > certificate.not_valid_after_utc:",
        "if False:",
        "test_evidence_signed.py::test_flawed_chains_fail",
    ),
    Mutant(
        "evidence/_keys.py",
        "constraints.path_length < depth - 1",
        "constraints.path_length < depth - 2",
        "test_evidence_signed.py::test_flawed_chains_fail",
    ),
    Mutant(
        "evidence/_keys.py", "if not constraints.ca:", "if False:", "test_evidence_signed.py::test_flawed_chains_fail"
    ),
    Mutant(
        "evidence/_keys.py",
        "value.key_cert_sign:",
        "value:",
        "test_evidence_signed.py::test_a_certificate_that_may_not_issue_yet_or_at_all",
    ),
    Mutant(
        "evidence/_keys.py",
        "if not _issued(issued, issuer):",
        "if False:",
        "test_evidence_signed.py::test_a_td_quote_under_another_root_fails",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "if _holds(signature, key, message):",
        "if key is not None:",
        "test_evidence_signed.py::test_a_forged_signature_fails",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "alg = signature_alg or HashAlg",
        "alg = HashAlg",
        "test_evidence_signed.py::test_the_pcr_digest_is_made_with_the_hash_of_the_signature",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "!= TPM_ST_ATTEST_QUOTE:",
        "== 0:",
        "test_evidence_signed.py::test_what_a_tpm_signs_besides_quotes_is_none",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "at += alg.size",
        "at += 32",
        "test_evidence_signed.py::test_bare_values_have_the_size_of_their_bank",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "part.qe_report[_QE_REPORT_DATA] != bound",
        "part.qe_report[_QE_REPORT_DATA][:32] != bound[:32]",
        "test_evidence_signed.py::test_the_rest_of_the_enclave_s_report_data_is_zeros",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "not _ecdsa(_keys.key_of(presented[0]), part.qe_signature, part.qe_report)",
        "False",
        "test_evidence_signed.py::test_each_link_of_a_td_quote_is_checked",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "credentials, signed=anchored)",
        "credentials, signed=signed)",
        "test_evidence_signed.py::test_a_td_quote_without_a_root_is_not_anchored",
    ),
    Mutant(
        "evidence/snp_report.py",
        "if chain.problem:",
        "if False:",
        "test_evidence_signed.py::test_an_snp_report_under_another_root_fails",
    ),
    Mutant(
        "evidence/cca_token.py",
        ".get(_CHALLENGE) != hashing.digest(alg, stated)",
        ".get(_CHALLENGE) is None",
        "test_evidence_signed.py::test_a_platform_token_of_another_realm_binds_nothing",
    ),
    Mutant(
        "evidence/cca_token.py",
        "if not platform.holds(",
        "if not realm.holds(_realm_key(stated)) and not platform.holds(",
        "test_evidence_signed.py::test_a_cca_token_is_anchored_by_the_platform_key",
    ),
    Mutant(
        "evidence/cca_token.py",
        "account.nonce(challenge, credentials, signed=anchored",
        "account.nonce(challenge, credentials, signed=True",
        "test_evidence_signed.py::test_a_challenge_that_nobody_signed_for_is_only_read",
    ),
    Mutant(
        "evidence/nitro.py",
        "credentials.nonce is not None and credentials.nonce != nonce",
        "credentials.nonce and credentials.nonce != nonce",
        "test_evidence_signed.py::test_the_nonce_is_the_one_that_was_asked_for",
    ),
    Mutant(
        "evidence/nitro.py",
        "if chain.problem:",
        "if False:",
        "test_evidence_signed.py::test_a_nitro_document_under_another_root_fails",
    ),
    Mutant(
        "evidence/nitro.py",
        "register.number < _LOCKED",
        "register.number <= _LOCKED",
        "test_evidence_signed.py::test_a_nitro_document_is_anchored_by_the_root",
    ),
    Mutant(
        "evidence/_cose.py",
        "if len(self.signature) != 2 * size:",
        "if False:",
        "test_evidence_signed.py::test_the_parts_of_a_signature_have_their_size",
    ),
    Mutant(
        "evidence/_cose.py",
        "not isinstance(algorithm, int) or algorithm",
        "algorithm",
        "test_evidence_signed.py::test_a_signature_by_another_algorithm_is_none",
    ),
    Mutant(
        "evidence/_cbor.py",
        "if key in found:",
        "if False:",
        "test_evidence_signed.py::test_a_claim_that_stands_twice_is_none",
    ),
    Mutant(
        "evidence/pcrread.py",
        "lines[sections[-1] :] if sections else lines",
        "lines",
        "test_evidence_files.py::test_other_sections_of_a_listing_state_no_register",
    ),
    Mutant(
        "evidence/pcr_values.py",
        "if len(value) != key[1].size:",
        "if not value:",
        "test_evidence_files.py::test_a_file_of_pcrs_has_a_value_of_its_size_for_each",
    ),
    Mutant(
        "evidence/tpm_sysfs.py",
        "not any(alg == SHA1 for _, alg in values)",
        "not values",
        "test_evidence_files.py::test_sysfs_has_sha1_in_the_listing_where_no_folder_has_it",
    ),
    # Changing: a register that changes, or a loss, and nobody says so.
    Mutant(
        "changing/convert.py",
        "if strict and losses:",
        "if strict and before:",
        "test_convert.py::test_padding_and_start_values_are_named",
    ),
    Mutant(
        "changing/convert.py",
        "if changed and not allow_changed:",
        "if changed and allow_changed:",
        "test_convert.py::test_a_changed_register_is_refused_unless_asked_for",
    ),
    Mutant(
        "changing/convert.py",
        "if one is None or two is not None or not lost.names(one.register, one.alg):",
        "if one is None or two is not None:",
        "test_losses.py::TestBanks::test_what_disappears_unnamed_is_refused",
    ),
    Mutant(
        "changing/convert.py",
        "(register, field) in self._named or",
        "any(field == each for _, each in self._named) or",
        "test_losses.py::TestBanks::test_a_loss_on_another_register_does_not_name_it",
    ),
    Mutant(
        "changing/convert.py",
        "losses = (*told, *untold(made, to, adapted, back, told, options))",
        "losses = tuple(told)",
        "test_convert.py::test_padding_and_start_values_are_named",
    ),
    Mutant(
        "changing/convert.py",
        "replay(back) if to == log.format else naive.told(back, to)",
        "replay(back)",
        "test_plain_readers.py::test_a_room_that_leaves_zeros_in_a_cel_is_found_out",
    ),
    Mutant(
        "changing/naive.py",
        "if not taken:",
        "if True:",
        "test_plain_readers.py::test_told_is_what_a_plain_reader_computes",
    ),
    Mutant(
        "changing/naive.py",
        "return extended if format in AS_EXTENDED else zeros",
        "return extended",
        "test_plain_readers.py::test_a_list_with_ones_is_named_where_they_would_come_back_as_zeros",
    ),
    Mutant(
        "changing/losses.py",
        "for source in sources[row:]:",
        "for source in sources[:0]:",
        "test_losses.py::TestAccount::test_an_event_that_is_gone_shows_at_the_end",
    ),
    Mutant(
        "changing/losses.py",
        "elif respelling and any",
        "elif False and any",
        "test_plain_readers.py::test_a_list_with_ones_is_named_where_they_would_come_back_as_zeros",
    ),
    Mutant(
        "changing/losses.py",
        "return usual == one.value and",
        "return",
        "test_plain_readers.py::test_zeros_that_another_tool_copied_into_a_cel_are_named_where_they_become_ones",
    ),
    Mutant(
        "changing/losses.py",
        "if not chosen and (back.header",
        "if (back.header",
        "test_losses.py::TestContainers::test_what_the_caller_chose_is_no_loss",
    ),
    Mutant(
        "changing/losses.py",
        "other = one.__class__ is not two.__class__",
        "other = False",
        "test_losses.py::TestAccount::test_a_field",
    ),
    Mutant(
        "formats/cel/record.py",
        "kept.append(Digest(digest.alg, extended))",
        "kept.append(digest)",
        "test_plain_readers.py::test_a_violation_is_ones_in_a_cel_and_zeros_in_a_list",
    ),
    Mutant(
        "formats/cel/record.py",
        "    if event.measured:\n        raise WriteError",
        "    if False:\n        raise WriteError",
        "test_losses.py::TestNoRegister::test_one_that_is_measured_is_refused",
    ),
    Mutant(
        "formats/ima/columns.py",
        "written = digest if log.format in _LISTS else _listed(digest)",
        "written = digest",
        "test_plain_readers.py::test_list_samples",
    ),
    Mutant(
        "formats/cel/tlv.py",
        "own = spaces[shape.index_type]",
        "own = space",
        "test_losses.py::TestBanks::test_in_cel_tlv_rows_of_each_space_have_their_own_rule",
    ),
    Mutant(
        "merging/overlap.py",
        "return -differing or count",
        "return count",
        "test_merge.py::test_events_with_the_same_digests_and_other_data_are_not_the_same",
    ),
    Mutant(
        "changing/convert.py",
        "losses, not changed, changed)",
        "losses, True, changed)",
        "test_convert.py::test_a_changed_register_is_refused_unless_asked_for",
    ),
    Mutant(
        "changing/encapsulate.py",
        "if not handover.breaks:",
        "if True:",
        "test_text_convert.py::test_a_gap_is_refused_with_its_line",
    ),
    Mutant(
        "changing/encapsulate.py",
        "event.number in heeded and content.extended",
        "content.extended",
        "test_text_convert.py::test_a_comment_that_nothing_confirms_is_a_loss",
    ),
    Mutant(
        "changing/split.py",
        "lambda pair: pair[0].size)",
        "lambda pair: -pair[0].size)",
        "test_tree.py::test_the_digest_of_a_folder_is_that_of_the_widest_bank",
    ),
    Mutant(
        "changing/split.py",
        "if len(events) == 1 and not log.tail:",
        "if len(events) == 1:",
        "test_tree.py::test_a_part_has_one_header_and_nothing_of_what_follows_the_log",
    ),
    Mutant(
        "changing/split.py",
        'bare = log.replace(padding=None, trailing=b"")',
        "bare = log",
        "test_tree.py::test_a_part_has_one_header_and_nothing_of_what_follows_the_log",
    ),
    Mutant(
        "changing/split.py",
        "if not header or event.number:",
        "if True:",
        "test_tree.py::test_a_part_has_one_header_and_nothing_of_what_follows_the_log",
    ),
    Mutant(
        "changing/edit.py",
        "and hashing.digest(digest.alg, content.data) == digest.value:",
        ":",
        "test_diff.py::test_the_data_stays_where_only_a_part_of_it_was_measured",
    ),
    Mutant(
        "changing/edit.py",
        "elif each.number in replaced:",
        "elif False:",
        "test_diff.py::test_edits_that_make_no_sense",
    ),
    Mutant("changing/append.py", "if not store.synced:", "if False:", "test_append.py::test_the_form_of_the_rfc"),
    Mutant(
        "changing/append.py",
        "most = 1 if store.in_kernel else _MOST",
        "most = _MOST",
        "test_append.py::test_a_kernel_that_fails_between_two_lines",
    ),
    # Verifying: a match, or a proven event, that is none.
    Mutant(
        "verifying/verify.py",
        'and not any(row.verdict == "mismatch" for row in self.registers)',
        "",
        "test_verify.py::test_a_capped_bank",
    ),
    Mutant(
        "verifying/verify.py",
        "and not self.evidence.failed",
        "",
        "test_verify.py::test_a_failed_signature_is_not_verified_although_all_registers_match",
    ),
    Mutant(
        "verifying/verify.py",
        "and not any(finding.code in _REFUSALS for finding in self.findings)",
        "",
        "test_verify.py::test_a_signed_digest_beside_register_values",
    ),
    Mutant(
        "verifying/verify.py",
        '("incomplete", "not_logged")',
        '("not_logged",)',
        "test_verify.py::test_a_register_that_the_logs_leave_open_is_not_accounted_for",
    ),
    Mutant(
        "verifying/verify.py",
        'self.static.add(Register("ccmr", 0))',
        "pass",
        "test_verify.py::test_the_build_time_register_is_static_in_a_table_too",
    ),
    Mutant(
        "verifying/verify.py",
        'verdict = "match" if expected == start else "not_logged"',
        'verdict = "match"',
        "test_verify.py::test_a_bank_that_cannot_be_computed_matches_only_at_its_start",
    ),
    Mutant(
        "verifying/verify.py",
        'or (expected == bytes(alg.size) and register.space != "mr")',
        "",
        "test_verify.py::test_pcr_17_without_events_may_have_been_reset_by_a_launch",
    ),
    Mutant(
        "verifying/verify.py",
        'if reason != "zeros")',
        'if reason != "ones")',
        "test_verify.py::test_any_of_the_logs_may_tell_the_locality",
    ),
    Mutant(
        "verifying/verify.py",
        "self.stated |= solved",
        "self.stated = self.stated or solved",
        "test_verify.py::test_a_signed_digest_beside_register_values",
    ),
    Mutant(
        "verifying/verify.py",
        "if len(steps):\n",
        "if len(steps) > 1:\n",
        "test_verify.py::test_one_entry_of_another_bank_is_an_event_of_the_register",
    ),
    Mutant(
        "verifying/verify.py",
        "Cover(row.alg, since=row.proven_from)",
        "Cover(row.alg)",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/verify.py",
        "until=steps.places[found.proven]",
        "until=steps.places[found.proven - 1]",
        "test_verify.py::test_only_the_prefix_is_proven",
    ),
    Mutant(
        "verifying/verify.py",
        "if case.values[-1] != case.observed:",
        "if False:",
        "test_verify.py::test_a_bank_that_some_events_did_not_extend",
    ),
    Mutant(
        "verifying/verified.py",
        "if not event.replayable:",
        "if not event.measured:",
        "test_verify.py::test_an_event_on_what_is_no_register_is_informative",
    ),
    Mutant(
        "verifying/verified.py",
        "check.alg in banks and check.rule",
        "check.rule",
        "test_verify.py::test_an_event_is_proven_only_by_a_bank_that_was_compared",
    ),
    Mutant(
        "verifying/verified.py",
        "if event.content.extension(c.alg, event.digest(c.alg)) is not None}",
        "}",
        "test_verify.py::test_an_event_without_the_bank_is_not_proven_by_it",
    ),
    Mutant(
        "verifying/verified.py",
        "and check.rule not in CONSTANT",
        "",
        "test_verify.py::test_what_a_separator_says_besides_its_value_is_not_proven",
    ),
    Mutant(
        "verifying/verified.py",
        "place < self.until",
        "place <= self.until",
        "test_verify.py::test_only_the_prefix_is_proven",
    ),
    Mutant(
        "verifying/composite.py",
        "else reset_value(*key) for",
        "else bytes(key[1].size) for",
        "test_verify.py::test_a_pcr_digest_over_registers_without_events",
    ),
    Mutant(
        "verifying/composite.py",
        "trail(logs, *key, row.start, rules)",
        "trail(logs, *key, row.start)",
        "test_verify.py::test_a_pcr_digest_of_a_bank_that_the_list_does_not_record",
    ),
    Mutant("verifying/composite.py", "values[-2::-1]", "values[-2:0:-1]", "test_verify.py::test_a_pcr_digest_alone"),
    Mutant(
        "verifying/verified.py",
        "self.since <= place",
        "self.since < place",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/verify.py",
        "steps = since_last_gap(steps, statements)",
        "pass",
        "test_statements.py::test_a_log_of_which_the_end_was_not_extended",
    ),
    Mutant(
        "verifying/stated.py",
        "sum(place >= proven_from",
        "sum(place > proven_from",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/hypotheses.py",
        "case.values[::-1].index(case.observed)",
        "case.values.index(case.observed)",
        "test_verify.py::test_a_prefix",
    ),
    Mutant(
        "verifying/hypotheses.py",
        "step in range(len(digests) - 1)",
        "step in range(len(digests) - 2)",
        "test_verify.py::test_events_in_another_order",
    ),
    Mutant(
        "replaying/statements.py",
        "if stated == running:\n",
        "if stated == running or untouched:\n",
        "test_merge.py::test_a_textual_log_alone_is_not_anchored",
    ),
    Mutant(
        "replaying/statements.py",
        'verdict = "unanchored" if untouched else "gap"',
        'verdict = "unanchored"',
        "test_merge.py::test_a_changed_ccel_is_a_gap_and_what_follows_is_proven",
    ),
    Mutant(
        "replaying/statements.py",
        "bank.start, bank.reason = stated, reason",
        "bank.reason = reason",
        "test_statements.py::test_init_states_the_value_before_itself",
    ),
)


def problem(mutant: Mutant) -> str:
    """Why a mutant cannot be tried; empty if it can."""
    if not mutant.source.is_file():
        return "no such file"
    count = mutant.source.read_text().count(mutant.old)
    if count != 1:
        return f"the old text stands there {count} times"
    file, _, name = mutant.test.partition("::")
    path = ROOT / "tests" / file
    if not path.is_file() or name not in tests_in(path):
        return f"no such test: {mutant.test}"
    return ""


def tests_in(path: Path) -> Iterator[str]:
    """The names of a file's tests, those in classes as ``Class::test``."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))


def _copy(folder: Path, whole: Path | None = None) -> Path:
    """A copy of the tree, or of another copy with its bytecode, beside what lies beside the tree."""
    copied = folder / "tree"
    shutil.copytree(whole or ROOT, copied, ignore=None if whole else _LEFT_BEHIND)
    shared = ROOT.parent / "shared"
    if shared.is_dir():
        (folder / "shared").symlink_to(shared.resolve())
    return copied


def _tested(tree: Path, *tests: str, honest: bool = False) -> int:
    """Pytest's exit code for some tests of a copy.

    Only the honest code leaves its bytecode, which is older than any mutant: these are written within a second, and may
    be as long as what they stand for.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "CI": "1"}
    environment["PYTHONDONTWRITEBYTECODE"] = "" if honest else "1"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *(f"tests/{each}" for each in tests),
    ]
    try:
        ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return _FAILED
    return ran.returncode


def _tried(mutant: Mutant, trees: queue.Queue[Path]) -> str:
    said = problem(mutant)
    if said:
        return f"does not apply ({said})"
    tree = trees.get()
    path = tree / mutant.source.relative_to(ROOT)
    whole = path.read_text()
    try:
        path.write_text(whole.replace(mutant.old, mutant.new))
        code = _tested(tree, mutant.test)
    finally:
        path.write_text(whole)
        trees.put(tree)
    return {_FAILED: "killed", _PASSED: "SURVIVED"}.get(code, f"does not apply (pytest ended with {code})")


def _run(numbers: Sequence[int], jobs: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(jobs):
            (Path(folder) / str(number)).mkdir()
            trees.put(_copy(Path(folder) / str(number)))
        honest = trees.get()
        sound = [MUTANTS[number] for number in numbers if not problem(MUTANTS[number])]
        if sound and _tested(honest, *dict.fromkeys(mutant.test for mutant in sound)) != _PASSED:
            print("the tests do not pass on the code as it stands")
            return 1
        trees.put(honest)
        bad = 0
        with ThreadPoolExecutor(jobs) as pool:
            results = pool.map(lambda number: _tried(MUTANTS[number], trees), numbers)
            for number, result in zip(numbers, results, strict=True):
                bad += result != "killed"
                print(f"{number:3} {result:9} {MUTANTS[number]}", flush=True)
    print(f"{len(numbers) - bad} of {len(numbers)} killed")
    return int(bad > 0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Try mutants of code that judges.")
    parser.add_argument("numbers", nargs="*", type=int, help="numbers of mutants; all if none are given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--list", action="store_true", help="print the table")
    parsed = parser.parse_args(arguments)
    if parsed.list:
        for number, mutant in enumerate(MUTANTS):
            print(f"{number:3} {mutant}\n    {mutant.test}")
        return 0
    return _run(parsed.numbers or range(len(MUTANTS)), max(1, parsed.jobs))


if __name__ == "__main__":
    sys.exit(main())
