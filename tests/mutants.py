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
_TIMEOUT = 900  # seconds: a mutant that never ends is one that was noticed
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
        "verifying/hypotheses.py",
        "all(case.peek(step).content.logged_first",
        "any(case.peek(step).content.logged_first",
        "test_verify.py::test_only_what_is_logged_first_may_be_ahead_of_the_register",
    ),
    Mutant(
        "changing/convert.py",
        "for key in {**old, **new}",
        "for key in old",
        "test_convert.py::test_a_register_that_the_result_invents_is_refused",
    ),
    Mutant(
        "checking/structure.py",
        "separator.value_of(row.data) == separator.ERROR",
        'row.data == b"\\1\\0\\0\\0"',
        "test_event_data.py::test_an_error_in_a_padded_separator_is_found",
    ),
    Mutant(
        "checking/plain.py",
        "if columns.covered is None:",
        "if False:",
        "test_check_columns.py::test_generated_text_of_several_registers",
    ),
    Mutant(
        "checking/plain.py",
        "int(columns.silent)",
        "1",
        "test_check_columns.py::test_generated_text",
    ),
    Mutant(
        "checking/plain.py",
        "kinds[row] = 0",
        "kinds[row] |= 0",
        "test_check_columns.py::test_entries_that_extend_a_register_and_others_that_do_not",
    ),
    Mutant(
        "checking/late.py",
        "return self._plain.checks[kind] if kind else check_event(self._events[row])",
        "return self._plain.checks[kind]",
        "test_check_columns.py::test_generated_ima",
    ),
    Mutant(
        "contents/ima.py",
        "(20, 4, _NAME_SIZE)",
        "(20, 4, 0)",
        "test_check_columns.py::test_no_events_are_made_of_rows_whose_checks_follow_from_the_columns",
    ),
    Mutant(
        "contents/separator.py",
        " and not any(data[4:])",
        "",
        "test_event_data.py::test_separators",
    ),
    Mutant(
        "contents/launch.py",
        "LAUNCH_PCRS = range(17, 23)",
        "LAUNCH_PCRS = range(17, 24)",
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
        "intake/journal.py",
        "if rest or value == self.new else before",
        "if value != self.old else before",
        "test_append.py::test_a_reader_takes_no_line_that_may_not_have_happened",
    ),
    Mutant(
        "changing/split.py", "if log.trailing:", "if False:", "test_tree.py::test_what_belongs_to_no_register_is_a_loss"
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
        "evidence/__init__.py",
        "(len(self.nonce) < _LEAST_NONCE or not any(self.nonce))",
        "not any(self.nonce)",
        "test_evidence_kinds.py::test_a_nonce_that_anybody_can_guess_is_refused",
    ),
    Mutant(
        "evidence/__init__.py",
        "or not any(self.nonce)):",
        "):",
        "test_evidence_kinds.py::test_a_nonce_that_anybody_can_guess_is_refused",
    ),
    Mutant(
        "evidence/__init__.py",
        "if register in self.static and (",
        "if (",
        "test_evidence_kinds.py::test_claims_are_compared_as_bytes_numbers_and_text",
    ),
    Mutant(
        "evidence/_account.py",
        '(nonce.ljust(len(stated), b"\\0") if padded else nonce) != stated',
        "not stated.startswith(nonce)",
        "test_evidence_signed.py::test_part_of_the_nonce_is_another_nonce",
    ),
    Mutant(
        "evidence/_account.py",
        "anchor = None if failed else self.anchor",
        "anchor = self.anchor",
        "test_evidence_signed.py::test_changed_values_do_not_give_the_digest",
    ),
    Mutant(
        "evidence/_account.py",
        'nonce.ljust(len(stated), b"\\0") if padded',
        "nonce + stated[len(nonce) :] if padded",
        "test_evidence_signed.py::test_the_nonce_is_the_one_that_was_asked_for",
    ),
    Mutant(
        "evidence/_account.py",
        "if chain.problem:",
        "if False:",
        "test_evidence_signed.py::test_an_snp_report_under_another_root_fails",
    ),
    Mutant(
        "evidence/_account.py",
        "elif self.anchor is not None:",
        "elif True:",
        "test_evidence_signed.py::test_a_challenge_that_nobody_signed_for_is_only_read",
    ),
    Mutant(
        "evidence/_account.py",
        "if padded else nonce) != stated",
        "if True else nonce) != stated",
        "test_evidence_tpm_keys.py::test_zeros_behind_the_nonce_are_another_nonce",
    ),
    Mutant(
        "evidence/_account.py",
        "covered=() if anchor is None else",
        "covered=",
        "test_evidence_signed.py::test_without_a_key_nothing_is_authenticated",
    ),
    Mutant(
        "evidence/_account.py",
        "self.credentials.at or when or",
        "when or self.credentials.at or",
        "test_evidence_certificates.py::test_certificates_of_hours_are_held_to_their_document_s_time_or_the_caller_s",
    ),
    Mutant(
        "evidence/_account.py",
        "problem = _certificates.unfit(key.certificates[0], self.time())",
        "pass",
        "test_evidence_tpm_keys.py::test_a_certificate_given_as_a_key_has_dates",
    ),
    Mutant(
        "evidence/_account.py",
        "if problem:\n",
        "if False:\n",
        "test_evidence_tpm_keys.py::test_a_public_area_that_may_sign_anything_is_refused",
    ),
    Mutant(
        "evidence/_cbor.py",
        "if key in found:",
        "if False:",
        "test_evidence_signed.py::test_a_claim_that_stands_twice_is_none",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if when < certificate.not_valid_before_utc:",
        "if False:",
        "test_evidence_signed.py::test_a_certificate_that_may_not_issue_yet_or_at_all",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if when > certificate.not_valid_after_utc:",
        "if False:",
        "test_evidence_signed.py::test_flawed_chains_fail",
    ),
    Mutant(
        "evidence/_certificates.py",
        "constraints.path_length < depth - 1",
        "constraints.path_length < depth - 2",
        "test_evidence_signed.py::test_flawed_chains_fail",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if constraints is None or not constraints.ca:",
        "if False:",
        "test_evidence_signed.py::test_flawed_chains_fail",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if usage is not None and not usage.key_cert_sign:",
        "if False:",
        "test_evidence_signed.py::test_a_certificate_that_may_not_issue_yet_or_at_all",
    ),
    Mutant(
        "evidence/_certificates.py",
        "while not _issued(path[-1], root):",
        "while False:",
        "test_evidence_signed.py::test_a_td_quote_under_another_root_fails",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if constraints is not None and constraints.ca:",
        "if False:",
        "test_evidence_certificates.py::test_a_flaw_of_the_leaf_fails",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if usage is not None and not usage.digital_signature:",
        "if False:",
        "test_evidence_certificates.py::test_a_flaw_of_the_leaf_fails",
    ),
    Mutant(
        "evidence/_certificates.py",
        "extended is None or _AK_USAGE not in [each.dotted_string for each in extended]",
        "extended is None",
        "test_evidence_tpm_keys.py::test_a_certificate_that_is_not_an_attestation_key_s",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if usage is None or not usage.digital_signature:",
        "if False:",
        "test_evidence_tpm_keys.py::test_a_certificate_that_is_not_an_attestation_key_s",
    ),
    Mutant(
        "evidence/_certificates.py",
        "if each.critical and each.oid.dotted_string not in _UNDERSTOOD:",
        "if False:",
        "test_evidence_certificates.py::test_a_flaw_of_the_leaf_fails",
    ),
    Mutant(
        "evidence/_certificates.py",
        "problem or dates(certificate, when) or _odd",
        "problem or _odd",
        "test_evidence_signed.py::test_a_certificate_that_may_not_issue_yet_or_at_all",
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
        "evidence/_cose.py",
        "if _HEADER_CRITICAL in parameters:",
        "if False:",
        "test_evidence_guests.py::test_a_critical_header_is_not_understood",
    ),
    Mutant(
        "evidence/_hcl.py", "if snp_report.vmpl(data):", "if False:", "test_evidence_hcl.py::test_each_link_is_checked"
    ),
    Mutant(
        "evidence/_hcl.py",
        'report_data != expected.ljust(len(report_data), b"\\0")',
        "not report_data.startswith(expected)",
        "test_evidence_hcl.py::test_each_link_is_checked",
    ),
    Mutant("evidence/_hcl.py", "if len(keys) != 1:", "if not keys:", "test_evidence_hcl.py::test_each_link_is_checked"),
    Mutant(
        "evidence/_hcl.py",
        "!= (registers.values, report_data):",
        "== ({}, b''):",
        "test_evidence_hcl.py::test_on_tdx_the_td_quote_vouches",
    ),
    Mutant(
        "evidence/_keys.py",
        '"fixedTPM": 1, ',
        "",
        "test_evidence_tpm_keys.py::test_a_public_area_that_may_sign_anything_is_refused",
    ),
    Mutant(
        "evidence/_keys.py",
        '"restricted": 16, ',
        "",
        "test_evidence_tpm_keys.py::test_a_public_area_that_may_sign_anything_is_refused",
    ),
    Mutant(
        "evidence/_keys.py",
        ', "for signatures": 18}',
        "}",
        "test_evidence_tpm_keys.py::test_a_public_area_that_may_sign_anything_is_refused",
    ),
    Mutant(
        "evidence/_nitro.py",
        'account.nonce(nonce, "the nonce")',
        'account.uses("nonce")',
        "test_evidence_signed.py::test_the_nonce_is_the_one_that_was_asked_for",
    ),
    Mutant(
        "evidence/_nitro.py",
        ", when=_time(members)) is not None:",
        ", when=_time(members)) is not None or True:",
        "test_evidence_signed.py::test_the_nonce_of_a_document_that_no_root_stands_above_is_only_read",
    ),
    Mutant(
        "evidence/_nitro.py",
        "if ENCLAVE in members and TPM in members:",
        "if False:",
        "test_evidence_kinds.py::test_an_enclave_and_a_nitro_tpm_are_two_kinds",
    ),
    Mutant(
        "evidence/_nitro.py",
        "if document.message.holds(_certificates.key_of(leaf)):",
        "if True:",
        "test_evidence_signed.py::test_a_changed_nitro_document_fails",
    ),
    Mutant(
        "evidence/_tdx.py",
        "if bits & _DEBUG:",
        "if False:",
        "test_evidence_signed.py::test_a_guest_that_may_be_debugged_says_so",
    ),
    Mutant(
        "evidence/_tdx.py",
        "elif bits & _UNTRUSTED:",
        "elif False:",
        "test_evidence_guests.py::test_what_takes_trust_from_a_td",
    ),
    Mutant(
        "evidence/_tdx.py",
        "if any(mrsignerseam):",
        "if False:",
        "test_evidence_guests.py::test_what_takes_trust_from_a_td",
    ),
    Mutant(
        "evidence/_sm2.py",
        "return found is not None and (e + found[0]) % _N == r",
        "return True",
        "test_evidence_csv.py::test_what_is_not_signed_by_the_pek_fails",
    ),
    Mutant(
        "evidence/csv_report.py",
        "if not _issued(issued, issuer):",
        "if False:",
        "test_evidence_csv.py::test_another_root_is_no_root",
    ),
    Mutant(
        "evidence/cca_token.py",
        "if not realm.holds(key.public):",
        "if False:",
        "test_evidence_virtcca.py::test_a_platform_s_key_does_not_stand_behind_a_realm_without_a_platform",
    ),
    Mutant(
        "evidence/cca_token.py",
        "if not realm.holds(public):",
        "if False:",
        "test_evidence_virtcca.py::test_a_certificate_of_another_key_vouches_for_nothing",
    ),
    Mutant(
        "evidence/tpm_attestation.py",
        "if len(signers) > 1:",
        "if False:",
        "test_evidence_printed.py::test_every_quote_of_an_attestation_has_to_hold",
    ),
    Mutant(
        "evidence/tpm_attestation.py",
        "anchor=None if failed else last.anchor,",
        "anchor=last.anchor,",
        "test_evidence_printed.py::test_every_quote_of_an_attestation_has_to_hold",
    ),
    Mutant(
        "evidence/claims_json.py",
        "!= len(value) and row.bank is None:",
        "== 0:",
        "test_evidence_values.py::test_a_member_that_is_no_value_is_named",
    ),
    Mutant(
        "evidence/_tpm.py",
        "account.anchor = None\n",
        "pass\n",
        "test_evidence_signed.py::test_a_signed_quote_of_nothing_anchors_nothing",
    ),
    Mutant(
        "evidence/_tpm.py",
        "if _holds(signature, key.public, message):",
        "if True:",
        "test_evidence_signed.py::test_a_forged_signature_fails",
    ),
    Mutant(
        "evidence/_tpm.py",
        "alg = signature_alg or HashAlg",
        "alg = HashAlg",
        "test_evidence_signed.py::test_the_pcr_digest_is_made_with_the_hash_of_the_signature",
    ),
    Mutant(
        "evidence/_tpm.py",
        "!= TPM_ST_ATTEST_QUOTE:",
        "== 0:",
        "test_evidence_signed.py::test_what_a_tpm_signs_besides_quotes_is_none",
    ),
    Mutant(
        "evidence/_tpm.py",
        "at += alg.size",
        "at += 32",
        "test_evidence_signed.py::test_bare_values_have_the_size_of_their_bank",
    ),
    Mutant(
        "evidence/_tpm.py",
        "if signature.alg.name in _BROKEN:",
        "if False:",
        "test_evidence_tpm_keys.py::test_a_signature_over_sha1_proves_nothing",
    ),
    Mutant(
        "evidence/_tpm.py",
        "elif account.credentials.key is not None:",
        "elif True:",
        "test_evidence_kinds.py::test_one_document_holds_all_of_a_quote",
    ),
    Mutant(
        "evidence/_tpm.py",
        "problem = _certificates.unfit_ak(key.certificates[0])",
        'problem = ""',
        "test_evidence_tpm_keys.py::test_a_certificate_that_is_not_an_attestation_key_s",
    ),
    Mutant(
        "evidence/_tpm.py",
        "for key in quote.selection if key in given}",
        "for key in given}",
        "test_evidence_tpm_keys.py::test_values_beyond_the_quote_are_noted_and_not_stated",
    ),
    Mutant(
        "evidence/_tpm.py",
        "pcrs = pcrs or beside.pcrs",
        "pcrs = beside.pcrs or pcrs",
        "test_evidence_kinds.py::test_one_document_holds_all_of_a_quote",
    ),
    Mutant(
        "evidence/_tpm.py",
        "if beside.vouched is not None:\n        return _keys",
        "if False:\n        return _keys",
        "test_evidence_hcl.py::test_a_key_beside_the_quote_does_not_stand_in_for_the_report_s",
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
        "if lifecycle not in _SECURED:",
        "if False:",
        "test_evidence_guests.py::test_a_platform_that_is_not_secured",
    ),
    Mutant(
        "evidence/cca_token.py",
        "if not realm.holds(_realm_key(stated)):",
        "if False:",
        "test_evidence_signed.py::test_a_changed_cca_token_fails",
    ),
    Mutant(
        "evidence/nitro_enclave.py",
        "register.number < _LOCKED",
        "register.number <= _LOCKED",
        "test_evidence_signed.py::test_a_nitro_document_is_anchored_by_the_root",
    ),
    Mutant(
        "evidence/nitro_enclave.py",
        "if image and not any(map(any, image)):",
        "if False:",
        "test_evidence_guests.py::test_an_enclave_in_debug_mode_has_no_image",
    ),
    Mutant(
        "evidence/pcr_values.py",
        "if len(value) != key[1].size:",
        "if not value:",
        "test_evidence_files.py::test_a_file_of_pcrs_has_a_value_of_its_size_for_each",
    ),
    Mutant(
        "evidence/pcrread.py",
        "lines[sections[-1] :] if sections else lines",
        "lines",
        "test_evidence_files.py::test_other_sections_of_a_listing_state_no_register",
    ),
    Mutant(
        "evidence/snp_report.py",
        "if not _signed_by(data, key):",
        "if False:",
        "test_evidence_signed.py::test_a_changed_snp_report_fails",
    ),
    Mutant(
        "evidence/snp_report.py",
        'hwid.ljust(len(chip), b"\\0") != chip:',
        "False:",
        "test_evidence_guests.py::test_a_certificate_of_another_chip_or_tcb",
    ),
    Mutant(
        "evidence/snp_report.py",
        "if any(reported[place] != svn for place, svn in tcb.items()):",
        "if all(reported[place] != svn for place, svn in tcb.items()):",
        "test_evidence_guests.py::test_a_certificate_of_another_chip_or_tcb",
    ),
    Mutant(
        "evidence/snp_report.py",
        "if vlek and hwid is not None:",
        "if False:",
        "test_evidence_guests.py::test_a_certificate_of_another_chip_or_tcb",
    ),
    Mutant(
        "evidence/snp_report.py",
        "if not tcb or (hwid is None and not vlek):",
        "if not tcb:",
        "test_evidence_guests.py::test_a_certificate_of_another_chip_or_tcb",
    ),
    Mutant(
        "evidence/snp_report.py",
        "account, strict=known) and root is not None",
        "account, strict=known)",
        "test_evidence_hcl.py::test_without_a_root_it_is_only_read",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "part.qe_report[_QE_REPORT_DATA] != bound",
        "part.qe_report[_QE_REPORT_DATA][:32] != bound[:32]",
        "test_evidence_signed.py::test_the_rest_of_the_enclave_s_report_data_is_zeros",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "not presented or not _ecdsa(_certificates.key_of(presented[0]), part.qe_signature, part.qe_report)",
        "not presented",
        "test_evidence_signed.py::test_each_link_of_a_td_quote_is_checked",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "if root is not None:\n",
        "if True:\n",
        "test_evidence_signed.py::test_a_td_quote_without_a_root_is_not_anchored",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "if attributes[0] & _QE_DEBUG:",
        "if False:",
        "test_evidence_certificates.py::test_another_enclave_may_be_accepted_by_name_only",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        '"MRSIGNER": report[_QE_MRSIGNER] != expected.mrsigner',
        '"MRSIGNER": False',
        "test_evidence_certificates.py::test_another_enclave_may_be_accepted_by_name_only",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        '"ISVPRODID": prodid != expected.isvprodid',
        '"ISVPRODID": False',
        "test_evidence_certificates.py::test_another_enclave_may_be_accepted_by_name_only",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        '"attributes": masked != expected.attributes',
        '"attributes": False',
        "test_evidence_certificates.py::test_another_enclave_may_be_accepted_by_name_only",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "_certificates.common_name(leaf) != _PCK_NAME or not fields",
        "not fields",
        "test_evidence_certificates.py::test_a_leaf_that_is_no_pck_certificate",
    ),
    Mutant(
        "evidence/tdx_quote.py",
        "_certificates.common_name(leaf) != _PCK_NAME or not fields",
        "_certificates.common_name(leaf) != _PCK_NAME",
        "test_evidence_certificates.py::test_a_leaf_that_is_no_pck_certificate",
    ),
    Mutant(
        "evidence/tdx_report.py",
        "if hashing.digest(SHA384, data[part]) == data[expected]:",
        "if True:",
        "test_evidence_signed.py::test_a_tdreport_is_only_read",
    ),
    Mutant(
        "evidence/tpm_sysfs.py",
        "not any(alg == SHA1 for _, alg in values)",
        "not values",
        "test_evidence_files.py::test_sysfs_has_sha1_in_the_listing_where_no_folder_has_it",
    ),
    # Formats and merging: a digest that is written as another, or a log that is taken for another.
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
        "formats/cel/tlv.py",
        "own = spaces[shape.index_type]",
        "own = space",
        "test_losses.py::TestBanks::test_in_cel_tlv_rows_of_each_space_have_their_own_rule",
    ),
    Mutant(
        "formats/ima/columns.py",
        "written = digest if log.format in _LISTS else _listed(digest)",
        "written = digest",
        "test_plain_readers.py::test_list_samples",
    ),
    Mutant(
        "merging/overlap.py",
        "return -differing or count",
        "return count",
        "test_merge.py::test_events_with_the_same_digests_and_other_data_are_not_the_same",
    ),
    # Changing: a register that changes, or a loss, and nobody says so.
    Mutant("live/append.py", "elif not writer.synced:", "elif False:", "test_append.py::test_the_form_of_the_rfc"),
    Mutant(
        "live/append.py",
        "most = 1 if site.lasting else _MOST",
        "most = _MOST",
        "test_append.py::test_a_kernel_that_fails_between_two_lines",
    ),
    # Live: an extension that is asked for twice, or believed without looking; a line that is lost, or stored in doubt.
    Mutant(
        "live/writer.py",
        "if rest or value == change.new:",
        "if value == change.new:",
        "test_live_tsm.py::test_a_line_of_the_last_boot",
    ),
    Mutant(
        "live/writer.py",
        "        self._doubt(log, change, value)\n        return False",
        "        return False",
        "test_live_tsm.py::test_stopped_anywhere_and_moved_by_others_anywhere",
    ),
    Mutant(
        "live/writer.py",
        "return change.synced or change.data",
        "return True or change.data",
        "test_live_tsm.py::test_others_that_do_not_rest",
    ),
    Mutant(
        "live/writer.py",
        "startswith(self._statement(change.old))",
        'startswith(b"SYNC ")',
        "test_live_tsm.py::test_moved_between_any_two_calls",
    ),
    Mutant(
        "live/writer.py",
        "self._led == old, data",
        "self._led is not None, data",
        "test_live_tsm.py::test_moved_between_any_two_calls",
    ),
    Mutant(
        "live/writer.py",
        "if change.place == self.site.place:",
        "if True:",
        "test_live_tsm.py::test_a_line_of_the_last_boot",
    ),
    Mutant(
        "live/writer.py",
        "if failed is not None and value != change.new:",
        "if failed is not None:",
        "test_live_tsm.py::test_an_extension_that_fails",
    ),
    Mutant(
        "live/writer.py",
        "                os.unlink(self.site.journal)\n",
        "",
        "test_live_tsm.py::test_a_refusal_while_others_extend_is_no_doubt",
    ),
    Mutant(
        "live/tsm.py",
        "if written != len(digest):",
        "if written > len(digest):",
        "test_live_tsm.py::test_a_count_that_is_not_the_size_is_an_error_and_nothing_is_written_again",
    ),
    Mutant(
        "live/tsm.py",
        "if not len(digest) == member.size == alg.size:",
        "if False:",
        "test_live_tsm.py::test_no_other_size_is_written",
    ),
    Mutant(
        "tree.py",
        'return "extensible" if writable else "closed"',
        'return "extensible" if writable else "static"',
        "test_live_tsm.py::test_the_names_of_the_kernel_s_sample",
    ),
    Mutant(
        "live/runtime.py",
        "or there.st_mode & 0o022",
        "",
        "test_live_tsm.py::test_the_folder_is_nobody_else_s",
    ),
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
        "if two is None or not two.counted or not one.says_the_same(two.after(added)):",
        "if two is None or not two.counted:",
        "test_packed.py::test_a_reader_that_reads_something_else_is_believed",
    ),
    Mutant(
        "changing/convert.py",
        "return data, back, told, joined(told, untold(made, to, adapted, back, told, options))",
        "return data, back, told, tuple(told)",
        "test_convert.py::test_padding_and_start_values_are_named",
    ),
    Mutant(
        "changing/convert.py",
        "replay(plain) if to == log.format else naive.told(plain, to)",
        "replay(plain)",
        "test_plain_readers.py::test_a_room_that_leaves_zeros_in_a_cel_is_found_out",
    ),
    Mutant(
        "changing/convert.py",
        "losses, not changed, changed)",
        "losses, True, changed)",
        "test_convert.py::test_a_changed_register_is_refused_unless_asked_for",
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
        "changing/losses.py",
        "self._gone_between(row, count)",
        "self._gone_between(count, count)",
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
        "changing/split.py",
        "lambda pair: pair[0].size)",
        "lambda pair: -pair[0].size)",
        "test_tree.py::test_the_digest_of_a_folder_is_that_of_the_widest_bank",
    ),
    Mutant(
        "changing/split.py",
        "if len(rows) == 1 and not log.tail:",
        "if len(rows) == 1:",
        "test_tree.py::test_a_part_has_one_header_and_nothing_of_what_follows_the_log",
    ),
    Mutant(
        "changing/split.py",
        'log.replace(padding=None, trailing=b"", findings=())',
        "log.replace(findings=())",
        "test_tree.py::test_a_part_has_one_header_and_nothing_of_what_follows_the_log",
    ),
    Mutant(
        "changing/split.py",
        "rows = _rows(log, int(header))",
        "rows = _rows(log, 0)",
        "test_tree.py::test_a_part_has_one_header_and_nothing_of_what_follows_the_log",
    ),
    # Replaying: a register that starts elsewhere, or an event that is passed over.
    Mutant(
        "replaying/bank_rules.py",
        "result.get(register, alg) == registers[register, alg]",
        "result.get(register, alg) is not None",
        "test_ima_verbs.py::test_the_rules_of_a_kernel_are_found",
    ),
    Mutant(
        "replaying/boot_aggregate.py",
        "lacking |= not whole",
        "pass",
        "test_ima_verbs.py::test_too_few_registers_are_no_mismatch",
    ),
    Mutant(
        "replaying/boot_aggregate.py",
        "_LAST = (7, 9)",
        "_LAST = (7,)",
        "test_ima_verbs.py::test_the_list_is_bound_to_the_firmware_log",
    ),
    Mutant(
        "replaying/boot_aggregate.py",
        "if not any(value):",
        "if False:",
        "test_ima_verbs.py::test_what_binds_nothing_says_so",
    ),
    Mutant(
        "replaying/find_prefix.py", "if before == value:", "if False:", "test_ima_verbs.py::test_every_prefix_is_found"
    ),
    Mutant(
        "replaying/find_prefix.py",
        "if ended:\n",
        "if False:\n",
        "test_ima_verbs.py::test_a_record_without_the_bank_ends_the_search_in_the_runs_that_follow",
    ),
    Mutant(
        "replaying/find_prefix.py",
        "before = values[-1] if values else before",
        "pass",
        "test_ima_verbs.py::test_the_runs_that_a_list_is_taken_in_do_not_show",
    ),
    Mutant(
        "replaying/naming.py",
        "banks <= _BANKS.get(platform.id, set())",
        "True",
        "test_judgement.py::test_a_log_of_other_banks_beside_a_td_is_a_virtual_tpm_s",
    ),
    Mutant(
        "replaying/naming.py",
        "counted.number <= LAST_CCMR:",
        "False:",
        "test_verify.py::test_an_ima_list_on_tdx_names_the_register_by_its_hardware_index",
    ),
    Mutant(
        "replaying/replayer.py",
        "len(self.passes) > 1 and self._overtaken(register, alg)",
        "False",
        "test_replay.py::test_a_firmware_log_without_the_bank_leaves_it_open",
    ),
    Mutant(
        "replaying/replayer.py",
        "self.missing.add((event.register, alg))",
        "pass",
        "test_replay.py::test_an_empty_digest_is_none",
    ),
    Mutant(
        "replaying/replayer.py",
        "(*missing.items(), *begun.missing.items())",
        "begun.missing.items()",
        "test_replay.py::test_an_event_without_the_digest_makes_the_bank_incomplete",
    ),
    Mutant(
        "replaying/replayer.py",
        "bank.events += begun.counts[index]",
        "bank.events = begun.counts[index]",
        "test_replay.py::test_several_logs_go_on_where_the_last_one_ended",
    ),
    Mutant(
        "replaying/start.py",
        "if event.register != PCR0:",
        "if event.register != PCR0 and is_reset(event.register):",
        "test_replay.py::test_a_locality_on_another_register_does_not_count",
    ),
    Mutant(
        "replaying/start.py",
        "launch = launch or tells_of_launch(event_type, event.register)",
        "pass",
        "test_replay.py::test_dynamic_launch_registers",
    ),
    Mutant("replaying/start.py", "or launched(beside):", "or True:", "test_replay.py::test_dynamic_launch_registers"),
    Mutant(
        "replaying/start.py",
        'implied[PCR0] = 4, "h-crtm"',
        'implied.setdefault(PCR0, (4, "h-crtm"))',
        "test_replay.py::test_an_h_crtm_starts_pcr_0_at_locality_4_whatever_was_said_before",
    ),
    Mutant(
        "replaying/start.py",
        '(given, "given"), (log.start, "log")',
        '(log.start, "log"), (given, "given")',
        "test_replay.py::test_what_the_caller_says_of_a_start_goes_before_what_the_log_says",
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
    Mutant(
        "replaying/statements.py",
        "self._tails[key] = _Tail(before, value, explained, self._standing.get(key), len(self._made))",
        "pass",
        "test_statements.py::test_comments_at_the_end_are_confirmed_or_not_by_the_log_that_follows",
    ),
    Mutant(
        "replaying/statements.py",
        "(running, stated) == (tail.after, tail.before)",
        "stated == tail.before",
        "test_statements.py::TestCommentsThatEndALog::test_events_between_are_not_passed_over_with_it",
    ),
    Mutant(
        "replaying/statements.py",
        "bank.events -= len(tail.numbers)",
        "pass",
        "test_statements.py::TestCommentsThatEndALog::test_one_that_is_not_counts_for_nothing",
    ),
    Mutant(
        "replaying/statements.py",
        "self._standing[key] = tail.standing",
        "del self._standing[key]",
        "test_statements.py::TestCommentsThatEndALog::test_what_was_doubted_before_stays_doubted",
    ),
    Mutant(
        "replaying/statements.py",
        "elif tail is not None and (running, stated) == (tail.after, tail.before):",
        "elif False:",
        "test_statements.py::test_comments_at_the_end_are_confirmed_or_not_by_the_log_that_follows",
    ),
    Mutant(
        "replaying/statements.py",
        "bank.events += len(comments.fresh)",
        "pass",
        "test_statements.py::test_comments_at_the_end_are_heeded",
    ),
    Mutant(
        "replaying/statements.py",
        "return self._owners.get(key) == self.ledger.logs",
        "return key in self._owners",
        "test_statements.py::test_every_log_that_takes_a_register_over_is_named",
    ),
    Mutant(
        "replaying/statements.py",
        ' and bank.reason in ("zeros", "ones")',
        "",
        "test_statements.py::test_a_given_start_value_is_confirmed_or_not",
    ),
    Mutant(
        "replaying/statements.py",
        "made.place if made.breaks else proven",
        "made.place",
        "test_statements.py::test_a_continuous_sync_after_a_gap_makes_nothing_good",
    ),
    Mutant(
        "replaying/statements.py",
        "for leading in (comments.fresh, comments.stale + comments.fresh):",
        "for leading in (comments.fresh,):",
        "test_statements.py::test_comments_on_both_sides_of_an_event",
    ),
    Mutant(
        "replaying/statements.py",
        "for leading in (comments.fresh, comments.stale + comments.fresh):",
        "for leading in (comments.stale + comments.fresh,):",
        "test_statements.py::test_comments_on_both_sides_of_an_event",
    ),
    Mutant(
        "replaying/statements.py",
        "and key not in self._owners and bank.reason",
        "and bank.reason",
        "test_statements.py::test_a_statement_after_an_event_is_no_start",
    ),
    Mutant(
        "replaying/trail.py", "value = values[-1]", "pass", "test_replay.py::test_the_values_on_the_way_of_a_long_log"
    ),
    # Verifying: a match, or a proven event, that is none; a demand that the input makes smaller.
    Mutant(
        "verifying/comparison.py",
        'self.static.add(Register("ccmr", 0))',
        "pass",
        "test_verify.py::test_the_build_time_register_is_static_in_a_table_too",
    ),
    Mutant(
        "verifying/comparison.py",
        "if at_start and not events:\n                return",
        "if not events:\n                return",
        "test_verify.py::test_a_bank_that_cannot_be_computed_matches_only_at_its_start",
    ),
    Mutant(
        "verifying/comparison.py",
        "expected in (start, bytes(alg.size))",
        "expected == start",
        "test_verify.py::test_pcr_17_without_events_may_have_been_reset_by_a_launch",
    ),
    Mutant(
        "verifying/comparison.py",
        'if reason != "zeros")',
        'if reason != "ones")',
        "test_verify.py::test_any_of_the_logs_may_tell_the_locality",
    ),
    Mutant(
        "verifying/comparison.py",
        "self.stated |= solved",
        "self.stated = self.stated or solved",
        "test_verify.py::test_a_signed_digest_beside_register_values",
    ),
    Mutant(
        "verifying/comparison.py",
        "if len(steps):\n",
        "if len(steps) > 1:\n",
        "test_verify.py::test_one_entry_of_another_bank_is_an_event_of_the_register",
    ),
    Mutant(
        "verifying/comparison.py",
        "if found is None:\n            self._cover(row.register, Cover(row.alg, since=row.proven_from))",
        "if found is None:\n            self._cover(row.register, Cover(row.alg))",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/differing.py",
        "until=steps.places[found.proven]",
        "until=steps.places[found.proven - 1]",
        "test_verify.py::test_only_the_prefix_is_proven",
    ),
    Mutant(
        "verifying/differing.py",
        "if case.values[-1] != case.observed:",
        "if False:",
        "test_verify.py::test_a_bank_that_some_events_did_not_extend",
    ),
    Mutant(
        "verifying/differing.py",
        "steps = since_last_gap(steps, statements)",
        "pass",
        "test_statements.py::test_a_log_of_which_the_end_was_not_extended",
    ),
    Mutant(
        "verifying/comparison.py",
        "for key, value in values.items() if key in covered}",
        "for key, value in values.items()}",
        "test_judgement.py::test_only_what_the_signature_covers_counts",
    ),
    Mutant(
        "verifying/comparison.py",
        'row.cause == "violations") and row.proven for row',
        'row.cause == "violations") for row',
        "test_verify.py::test_comparing_nothing_is_a_failure",
    ),
    Mutant(
        "verifying/comparison.py",
        "on_static = event.register in static and event.measured",
        "on_static = False",
        "test_comparison.py::test_an_event_on_what_never_changes_is_a_contradiction",
    ),
    Mutant(
        "verifying/comparison.py",
        "if not events:\n",
        "if True:\n",
        "test_comparison.py::test_an_event_on_what_never_changes_is_a_contradiction",
    ),
    Mutant(
        "verifying/comparison.py",
        "start_value(log.replace(start=None), register, alg)",
        "start_value(log, register, alg)",
        "test_comparison.py::test_a_start_that_only_the_input_states_is_a_claim",
    ),
    Mutant(
        "verifying/comparison.py",
        " and row.start != self._start(row.register, row.alg)",
        "",
        "test_comparison.py::test_a_start_that_is_the_platform_s_own_is_no_claim",
    ),
    Mutant(
        "verifying/differing.py",
        "if found.ahead and row.register not in self.of_ima:",
        "if False:",
        "test_comparison.py::test_a_prefix_is_ahead_on_the_register_of_ima_only",
    ),
    Mutant(
        "verifying/differing.py",
        "for index in (17, 18, 19))",
        "for index in (17, 18, 19, 20))",
        "test_comparison.py::test_a_launch_that_no_log_shows_is_told_by_the_value_of_17_to_19_only",
    ),
    Mutant(
        "verifying/differing.py",
        "if steps.missing:\n",
        "if False:\n",
        "test_verify.py::test_a_bank_that_some_events_did_not_extend",
    ),
    Mutant(
        "verifying/comparison.py",
        "return stated or row.stated in _BREAKS",
        "return row.stated in _BREAKS",
        "test_comparison.py::test_a_start_that_only_the_input_states_is_a_claim",
    ),
    Mutant(
        "verifying/comparison.py",
        "return stated or row.stated in _BREAKS",
        "return stated",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/comparison.py",
        "if at_start:\n            sentence",
        "if False:\n            sentence",
        "test_comparison.py::test_the_events_that_others_have_are_counted",
    ),
    Mutant(
        "verifying/comparison.py",
        "row.stated is None and row.start_reason not in _STATED",
        "row.stated is None",
        "test_comparison.py::test_a_start_that_only_the_input_states_is_a_claim",
    ),
    Mutant(
        "verifying/comparison.py",
        " and row.stated is None and",
        " and",
        "test_statements.py::test_a_value_that_nothing_leads_to_stays_unproven",
    ),
    Mutant(
        "verifying/judgement.py",
        "elif row.alg is not SHA1:",
        "else:",
        "test_judgement.py::test_sha1_alone_is_no_proof_unless_it_is_asked_for",
    ),
    Mutant(
        "verifying/explain.py",
        "if not free:",
        "if False:",
        "test_explanations.py::test_wrong_values_of_many_registers_and_banks_share_one_allowance",
    ),
    Mutant(
        "verifying/explain.py",
        "HYPOTHESES if left else _DECIDING",
        "HYPOTHESES if left else ()",
        "test_explanations.py::test_without_allowance_a_verdict_is_the_same",
    ),
    Mutant(
        "verifying/left_out.py",
        "    if not row.whole:",
        "    if True:",
        "test_comparison.py::test_a_list_is_not_proven_by_its_twin_in_another_bank",
    ),
    Mutant(
        "verifying/comparison.py",
        'found.verdict == "match" and self._claims(row)',
        "False",
        "test_comparison.py::test_a_stated_start_is_none_the_better_for_events_that_are_lacking",
    ),
    Mutant(
        "verifying/composite.py",
        "else reset_value(*key, launch=launch)",
        "else bytes(key[1].size)",
        "test_verify.py::test_a_pcr_digest_over_registers_without_events",
    ),
    Mutant(
        "verifying/composite.py",
        "values = list(trail(logs, *key, row.start, rules).values())",
        "values = list(trail(logs, *key, row.start).values())",
        "test_verify.py::test_a_pcr_digest_of_a_bank_that_the_list_does_not_record",
    ),
    Mutant(
        "verifying/composite.py",
        "if row.value is not None:",
        "if True:",
        "test_preceding.py::test_a_signed_digest_tells_too",
    ),
    Mutant(
        "verifying/dossier.py",
        "row < self._preceding[log]",
        "row < len(self.logs[log].events)",
        "test_preceding.py::test_a_value_tells",
    ),
    Mutant(
        "verifying/differing.py",
        'cause="before_header", proven=len(kept)',
        'cause="before_header", proven=made.events',
        "test_preceding.py::test_a_value_tells",
    ),
    Mutant(
        "replaying/replayer.py",
        "for register in doubtful for alg in banks",
        "for register in () for alg in banks",
        "test_preceding.py::test_a_replay_does_not_say_what_nobody_can",
    ),
    Mutant(
        "formats/tcg/area.py",
        "if not first <= header.next <= present:",
        "if not 0 <= header.next <= present:",
        "test_launch_logs.py::test_a_header_that_is_wrong_is_said_and_events_are_read_as_far_as_they_go",
    ),
    Mutant(
        "formats/tcg/area.py",
        "found.stop is None and found.columns.end == area.next",
        "found.stop is None",
        "test_launch_logs.py::test_an_end_of_skl_that_is_no_records_end_does_not_count",
    ),
    Mutant("verifying/composite.py", "values[-2::-1]", "values[-2:0:-1]", "test_verify.py::test_a_pcr_digest_alone"),
    Mutant(
        "verifying/composite.py",
        'b"".join(chosen[key] for key in composite.selection)',
        'b"".join(sorted(chosen.values()))',
        "test_comparison.py::test_a_pcr_digest_is_over_the_values_in_the_order_of_the_selection",
    ),
    Mutant(
        "verifying/composite.py",
        "return hashing.digest(composite.alg, joined) == composite.digest",
        "return True",
        "test_verify.py::test_a_pcr_digest_alone",
    ),
    Mutant(
        "verifying/demand.py",
        "return self.name == name\n",
        "return True\n",
        "test_judgement.py::test_what_is_accepted_is_accepted_where_it_was_said",
    ),
    Mutant(
        "verifying/demand.py",
        "register is not None and self.registers.holds(register, platform)",
        "True",
        "test_judgement.py::test_what_is_accepted_is_accepted_where_it_was_said",
    ),
    Mutant(
        "verifying/demand.py",
        "wanted is not None and wanted != getattr(evidence.credentials, name)",
        "wanted is not None and getattr(evidence.credentials, name) is None",
        "test_judgement.py::test_evidence_that_was_read_without_what_is_demanded",
    ),
    Mutant(
        "verifying/demand.py",
        "self.registers is not None and self.name in _OF_EVIDENCE",
        "False",
        "test_judgement.py::test_a_weakness_of_the_evidence_is_not_accepted_on_registers",
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
        "verifying/hypotheses.py",
        "proven=steps, ahead=True",
        "proven=total, ahead=True",
        "test_comparison.py::test_a_prefix_is_ahead_on_the_register_of_ima_only",
    ),
    Mutant("verifying/judgement.py", "if differing:\n", "if False:\n", "test_verify.py::test_a_capped_bank"),
    Mutant(
        "verifying/judgement.py",
        "if not required:",
        "if False:",
        "test_judgement.py::test_a_selection_narrows_what_nobody_named",
    ),
    Mutant(
        "verifying/verify.py",
        "(not demand.banks or row.alg in demand.banks)",
        "True",
        "test_judgement.py::test_a_register_matches_in_some_bank_and_differs_in_none",
    ),
    Mutant(
        "verifying/judgement.py",
        "if not _held(\n",
        "if False and not _held(\n",
        "test_judgement.py::test_what_never_changes_counts_by_the_value_that_is_expected",
    ),
    Mutant(
        "verifying/judgement.py",
        "for each in evidence.static if _same(each, register, evidence)",
        "for each in evidence.static",
        "test_judgement.py::test_what_never_changes_counts_by_the_value_that_is_expected",
    ),
    Mutant(
        "verifying/judgement.py",
        "for row in stated if row.whole]",
        'for row in stated if row.verdict == "match"]',
        "test_judgement.py::test_a_bank_that_lost_digests_is_not_made_good_by_another",
    ),
    Mutant(
        "verifying/judgement.py",
        "row.alg != SHA1 or SHA1 in demand.banks or not evidence.anchored",
        "True",
        "test_judgement.py::test_sha1_alone_is_no_proof_unless_it_is_asked_for",
    ),
    Mutant(
        "verifying/judgement.py",
        'row.verdict == "incomplete" and row.cause == "lacking"',
        "False",
        "test_judgement.py::test_a_bank_that_lost_digests_is_not_made_good_by_another",
    ),
    Mutant(
        "verifying/judgement.py",
        "evidence.source != demand.kind",
        "False",
        "test_judgement.py::test_the_kind_that_is_demanded",
    ),
    Mutant(
        "verifying/judgement.py",
        "elif not said:",
        "elif False:",
        "test_judgement.py::test_what_is_expected_has_to_be_stated_and_so",
    ),
    Mutant(
        "verifying/judgement.py",
        "if demand.authenticated:",
        "if False:",
        "test_judgement.py::test_authenticated_evidence_is_of_a_known_machine_fresh_and_of_known_firmware",
    ),
    Mutant(
        "verifying/judgement.py",
        'evidence.anchor == "root" and not identified(demand, evidence)',
        "False",
        "test_judgement.py::test_authenticated_evidence_is_of_a_known_machine_fresh_and_of_known_firmware",
    ),
    Mutant(
        "verifying/judgement.py",
        "if not evidence.fresh:",
        "if False:",
        "test_judgement.py::test_authenticated_evidence_is_of_a_known_machine_fresh_and_of_known_firmware",
    ),
    Mutant(
        "verifying/judgement.py",
        "if evidence.static and not of_known_firmware(demand, evidence):",
        "if False:",
        "test_judgement.py::test_authenticated_evidence_is_of_a_known_machine_fresh_and_of_known_firmware",
    ),
    Mutant(
        "verifying/judgement.py",
        '"claims": (), "plain": (), ',
        "",
        "test_judgement.py::test_what_never_changes_counts_by_the_value_that_is_expected",
    ),
    Mutant(
        "verifying/judgement.py",
        '"plain": (), ',
        "",
        "test_judgement.py::test_a_claim_is_neither_a_machine_nor_its_firmware",
    ),
    Mutant(
        "verifying/judgement.py",
        '"identity": (), "static": (), ',
        "",
        "test_judgement.py::test_a_claim_is_neither_a_machine_nor_its_firmware",
    ),
    Mutant(
        "verifying/required.py",
        " and key[0] not in static}",
        "}",
        "test_judgement.py::test_what_never_changes_is_demanded_of_nobody_who_did_not_ask",
    ),
    Mutant(
        "verifying/required.py",
        "more = moved if demand.strict else set()",
        "more = set()",
        "test_judgement.py::test_what_a_key_stands_behind_has_to_be_accounted_for",
    ),
    Mutant(
        "verifying/required.py",
        "demand.registers.each()), *more}",
        "demand.registers.each())}",
        "test_judgement.py::test_the_registers_that_are_named_and_no_others",
    ),
    Mutant(
        "verifying/required.py",
        "found = {*compared.logged, *more}",
        "found = {*more}",
        "test_judgement.py::test_with_a_key_or_a_root_the_firmware_s_registers_count_in_any_case",
    ),
    Mutant(
        "verifying/required.py",
        "found |= moved\n",
        "pass\n",
        "test_judgement.py::test_what_a_key_stands_behind_has_to_be_accounted_for",
    ),
    Mutant(
        "verifying/required.py",
        "found.update(_firmware(evidence, stated))",
        "pass",
        "test_judgement.py::test_with_a_key_or_a_root_the_firmware_s_registers_count_in_any_case",
    ),
    Mutant(
        "verifying/required.py",
        "credentials.key is not None or credentials.root is not None",
        "credentials.key is not None",
        "test_judgement.py::test_with_a_key_or_a_root_the_firmware_s_registers_count_in_any_case",
    ),
    Mutant(
        "verifying/required.py",
        "found.update(moved.intersection(_firmware(evidence, stated)))",
        "pass",
        "test_judgement.py::test_values_that_the_verifier_named_himself_count_where_firmware_extended_them",
    ),
    Mutant(
        "verifying/required.py",
        " or credentials.pcrs is not None:",
        ":",
        "test_judgement.py::test_values_that_the_verifier_named_himself_count_where_firmware_extended_them",
    ),
    Mutant(
        "verifying/required.py",
        'evidence.platform == "tpm" or (',
        "(",
        "test_judgement.py::test_with_a_key_or_a_root_the_firmware_s_registers_count_in_any_case",
    ),
    Mutant(
        "verifying/required.py",
        "runtime[:2]",
        "runtime[:1]",
        "test_judgement.py::test_with_a_key_or_a_root_the_firmware_s_registers_count_in_any_case",
    ),
    Mutant(
        "verifying/required.py", "or any(value[:-1]) ", "", "test_judgement.py::test_values_that_a_register_starts_at"
    ),
    Mutant(
        "verifying/required.py",
        "united(register, platform) for register in demand.registers",
        "register for register in demand.registers",
        "test_judgement.py::test_registers_are_demanded_by_any_of_their_names",
    ),
    Mutant(
        "verifying/required.py",
        'register.index in RESETTABLE_PCRS and evidence.platform != "nitro"',
        "register.index in RESETTABLE_PCRS",
        "test_judgement.py::test_pcr_16_and_23_prove_nothing_unless_they_are_asked_for",
    ),
    Mutant(
        "verifying/required.py",
        "for register in found - more if resettable(register, evidence)",
        "for register in found if resettable(register, evidence)",
        "test_judgement.py::test_pcr_16_and_23_prove_nothing_unless_they_are_asked_for",
    ),
    Mutant(
        "verifying/stated.py",
        "sum(place >= proven_from",
        "sum(place > proven_from",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/verdict.py", " or self.cause in _CLAIMS:\n", ":\n", "test_judgement.py::test_the_whole_of_a_register"
    ),
    Mutant(
        "verifying/verdict.py",
        "return self.register not in _NEVER_IDLE",
        "return True",
        "test_judgement.py::test_pcr_0_and_17_at_their_start_prove_nothing",
    ),
    Mutant(
        "verifying/verdict.py",
        "self.proven == self.events or",
        "True or",
        "test_judgement.py::test_a_bank_that_lost_digests_is_not_made_good_by_another",
    ),
    Mutant(
        "verifying/verdict.py",
        '"gap", "unanchored", "stated_start", "violations"})',
        '"gap", "unanchored", "violations"})',
        "test_judgement.py::test_the_whole_of_a_register",
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
        "if event.extension(alg) is not None:",
        "if True:",
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
        "verifying/verified.py",
        "self.since <= place",
        "self.since < place",
        "test_statements.py::test_a_match_after_a_gap_proves_what_follows_it",
    ),
    Mutant(
        "verifying/verify.py",
        "and not self.evidence.failed",
        "",
        "test_judgement.py::test_a_check_of_the_evidence_that_fails_is_never_ok",
    ),
    Mutant(
        "verifying/verify.py",
        "and not any(finding.code in _REFUSALS for finding in self.findings)",
        "",
        "test_judgement.py::test_a_signed_digest_that_the_logs_do_not_give_is_never_ok",
    ),
    Mutant(
        "verifying/verify.py",
        '("incomplete", "not_logged")',
        '("not_logged",)',
        "test_verify.py::test_a_register_that_the_logs_leave_open_is_not_accounted_for",
    ),
    Mutant(
        "verifying/verify.py",
        "if self.accepted:\n",
        "if False:\n",
        "test_judgement.py::test_what_is_accepted_is_accepted_where_it_was_said",
    ),
    Mutant(
        "verifying/verify.py",
        'return "verified" if self.evidence.fresh',
        'return "verified" if True',
        "test_judgement.py::test_the_words",
    ),
    Mutant(
        "verifying/verify.py",
        "and away(row.register, row.alg, row.expected)",
        "",
        "test_judgement.py::test_whether_the_logs_tell_how_every_value_came_about",
    ),
    Mutant(
        "verifying/verify.py",
        "row.register in wanted or demand.keep is None",
        "demand.keep is None",
        "test_judgement.py::test_a_selection_narrows_what_nobody_named",
    ),
    Mutant(
        "verifying/whole.py",
        "if twice(row, row.value) != observed:",
        'if twice(row, row.value) == b"":',
        "test_comparison.py::test_registers_that_were_not_reset",
    ),
    Mutant(
        "verifying/whole.py",
        " or _resettable(row.register)",
        "",
        "test_comparison.py::test_registers_that_were_not_reset",
    ),
    Mutant(
        "verifying/whole.py",
        "len(matching) < _ENOUGH",
        "not matching",
        "test_comparison.py::test_the_log_of_another_boot_is_a_remark",
    ),
    Mutant(
        "verifying/whole.py",
        "or not differing <= _LOADED",
        "",
        "test_comparison.py::test_the_log_of_another_boot_is_a_remark",
    ),
    # Events that are told without their data.
    Mutant(
        "contents/launch.py",
        "return event_type != EV_NO_ACTION",
        "return True",
        "test_digest_only.py::test_a_record_that_only_evlog_knows_is_extended_by_all",
    ),
    Mutant(
        "contents/digest_only.py",
        "or event_type in (EV_NO_ACTION, *LAUNCH_MARKERS)",
        "",
        "test_digest_only.py::test_no_cel_may_say_that_its_record_is_not_measured",
    ),
    Mutant(
        "formats/cel/record.py",
        "declared.ours and not event.measured",
        "False",
        "test_digest_only.py::test_a_record_that_only_evlog_knows_is_extended_by_all",
    ),
    Mutant(
        "formats/reports/account.py",
        "if covered and rule not in CONSTANT and",
        "if rule not in CONSTANT or",
        "test_reports.py::test_data_is_there_if_it_is_in_hex_or_a_digest_proves_it",
    ),
    Mutant(
        "formats/reports/tpm2_yaml_reader.py",
        "if data is not None and len(data) == size:",
        "if data is not None:",
        "test_reports.py::test_data_is_there_if_it_is_in_hex_or_a_digest_proves_it",
    ),
    Mutant(
        "formats/reports/ccnp_json_reader.py",
        "event.register == register and list(event.digests) == digests",
        "event.register == register",
        "test_reports.py::test_members_count_where_records_say_something_else",
    ),
    Mutant(
        "formats/reports/ita_json_reader.py",
        "if len({tuple(map(_type_text, each)) for each in rows}) == 1:",
        "if len(rows) == 1:",
        "test_reports.py::test_banks_of_a_register_are_the_same_events",
    ),
    Mutant(
        "formats/reports/tsm_trace_reader.py",
        "elif running[key] != line.digest.value:",
        "elif False:",
        "test_reports.py::test_another_road_is_an_error",
    ),
    Mutant(
        "formats/reports/tsm_trace_reader.py",
        "stated = {key: value for key, value in start.items() if key in counts and any(value)}",
        "stated = {}",
        "test_reports.py::test_a_register_that_stood_elsewhere",
    ),
    # dstack's logs
    Mutant(
        "contents/dstack.py",
        'self.event_type.to_bytes(4, "little")',
        'self.event_type.to_bytes(4, "big")',
        "test_dstack.py::test_the_vectors_of_version_1",
    ),
    Mutant(
        "contents/dstack.py",
        "if not self.runtime or self.version not in _RULES:",
        "if not self.runtime:",
        "test_dstack.py::test_a_rule_that_nobody_knows",
    ),
    Mutant(
        "formats/dstack/events.py",
        "digest = digest or _computed(content)",
        "digest = _computed(content)",
        "test_dstack.py::test_what_the_digest_does_not_cover",
    ),
    Mutant(
        "formats/dstack/events.py",
        'elif not payload and digest != hashing.digest(SHA384, b""):',
        "elif not payload and not digest:",
        "test_dstack.py::test_a_stripped_log_is_not_checked_and_never_wrong",
    ),
    Mutant(
        "intake/same_log.py",
        "if any(one.digests != two.digests for",
        "if all(one.digests != two.digests for",
        "test_dstack.py::test_two_boots_are_two_logs",
    ),
    Mutant(
        "intake/same_log.py",
        "if len(own) != len(events) and (register not in _GROWING or len(own) < len(events)):",
        "if len(own) < len(events):",
        "test_dstack.py::test_two_boots_are_two_logs",
    ),
    # Policies: what a boot keeps of them, and what may be learned.
    Mutant(
        "policy/verdicts.py",
        "not self.unspoken\n            and any(",
        "any(",
        "test_policy.py::test_attacks_are_refused",
    ),
    Mutant(
        "policy/verdicts.py",
        "each.verdict == KEPT and each.event is not None for each",
        "each.verdict == KEPT for each",
        "test_policy.py::test_a_policy_is_not_kept_by_absence_alone",
    ),
    Mutant(
        "policy/verdicts.py",
        "and all(each.verdict in (KEPT, FREE) for each in self.rules)",
        "and all(each.verdict in (KEPT, FREE, UNPROVEN) for each in self.rules)",
        "test_policy.py::test_entries_beyond_the_quote_keep_nothing",
    ),
    Mutant(
        "policy/verdicts.py",
        "and (self.unverified or (self.verification is not None and self.verification.ok))",
        "and (self.unverified or self.verification is not None)",
        "test_policy.py::test_what_is_taken_out_of_the_log_is_in_the_quote",
    ),
    Mutant(
        "policy/check.py",
        "if unverified and (evidence is not None or demand != NO_DEMAND):",
        "if unverified and demand != NO_DEMAND:",
        "test_policy.py::test_logs_alone_are_judged_without_evidence",
    ),
    Mutant(
        "policy/check.py",
        "if len(known) < len(self.policy.registers):",
        "if False:",
        "test_policy.py::test_two_names_of_one_register_are_refused",
    ),
    Mutant(
        "policy/check.py",
        "elif register not in known:",
        "elif not known:",
        "test_policy.py::test_attacks_are_refused",
    ),
    Mutant(
        "policy/check.py",
        "if shared.isdisjoint(self.proof.strong):",
        "if not shared:",
        "test_policy.py::test_all_banks_are_compared_and_none_can_be_taken_away",
    ),
    Mutant(
        "policy/check.py",
        "if start.digests not in [known.digests for known in each.starts]:",
        "if not each.starts:",
        "test_policy.py::test_where_pcr_0_starts_is_part_of_it",
    ),
    Mutant(
        "policy/check.py",
        "if not self.proof.of(entry, each.banks):",
        "if self.proof.lacking:",
        "test_policy.py::test_only_what_the_quote_covers_is_kept",
    ),
    Mutant(
        "policy/check.py",
        "if j not in taken:",
        "if j not in taken and j < len(each.rules):",
        "test_policy.py::test_attacks_are_refused",
    ),
    Mutant(
        "policy/check.py",
        "        if not rule.may_lack:\n",
        "        if not rule.may_lack and not settled:\n",
        "test_policy.py::test_what_every_witness_has_is_missing",
    ),
    Mutant(
        "policy/check.py",
        "if excluded(said.name, each.excluded):",
        "if each.excluded:",
        "test_policy.py::test_exclusions_are_proposed_and_decided_by_a_person",
    ),
    Mutant(
        "policy/check.py",
        "wrong = said.wrong\n            if not wrong and",
        'wrong = ""\n            if not wrong and',
        "test_policy.py::test_a_list_is_checked_by_name_in_any_order_and_number",
    ),
    Mutant(
        "policy/check.py",
        "any((v.algorithm, v.value) == (said.algorithm, said.value) for v in rule.values)",
        "any(len(v.value) == len(said.value) for v in rule.values)",
        "test_policy.py::test_a_list_is_checked_by_name_in_any_order_and_number",
    ),
    Mutant(
        "policy/check.py",
        "aggregates(self.boot, self._ignored)",
        "aggregates(self.boot)",
        "test_policy.py::test_the_first_entry_is_computed_from_registers_that_are_judged",
    ),
    Mutant(
        "policy/check.py",
        "elif self.proof.of(entry, each.banks):\n                kept",
        "elif not self.proof.lacking:\n                kept",
        "test_policy.py::test_entries_beyond_the_quote_keep_nothing",
    ),
    Mutant(
        "policy/check.py",
        "elif name in unproven:\n                reason",
        "elif name in unproven and name not in kept:\n                reason",
        "test_policy.py::test_entries_beyond_the_quote_keep_nothing",
    ),
    Mutant(
        "policy/proof.py",
        "if not evidence.anchored:",
        "if False:",
        "test_policy.py::test_without_authenticated_evidence_nothing_is_kept",
    ),
    Mutant(
        "policy/proof.py",
        "if evidence.static and not result.firmware_identified and firmware.isdisjoint(known):",
        "if evidence.static and known:",
        "test_policy.py::test_a_confidential_guest_is_its_firmware_too",
    ),
    Mutant(
        "policy/proof.py",
        "counting = {alg.id for alg in banks} & self.strong if banks else proven - {SHA1.id}\n        return not",
        "counting = {alg.id for alg in banks} if banks else proven - {SHA1.id}\n        return not",
        "test_policy.py::test_only_what_the_quote_covers_is_kept",
    ),
    Mutant(
        "policy/demanded.py",
        "wanted += (register for register in extended(evidence) if united(register, platform) not in ignored)",
        "wanted += (register for register in () if united(register, platform) not in ignored)",
        "test_policy.py::test_what_is_taken_out_of_the_log_is_in_the_quote",
    ),
    Mutant(
        "policy/demanded.py",
        "if united(register, platform) not in ignored)",
        ")",
        "test_policy.py::test_what_is_taken_out_of_the_log_is_in_the_quote",
    ),
    Mutant(
        "policy/demanded.py",
        "strong = tuple(alg for alg in banks.values() if alg != SHA1)",
        "strong = tuple(banks.values())",
        "test_policy.py::test_only_what_the_quote_covers_is_kept",
    ),
    Mutant(
        "policy/demanded.py",
        "bool(each.rules) and not each.files and all(",
        "bool(each.rules) and not each.files and any(",
        "test_policy.py::test_what_is_demanded_is_what_every_boot_extended",
    ),
    Mutant(
        "policy/matching.py",
        "if not key:\n            return",
        "if not key and not self.banks:\n            return",
        "test_policy.py::test_digests_that_are_not_one_of_each_bank_are_refused",
    ),
    Mutant(
        "policy/matching.py",
        "if (seen.type, seen.name) not in self.names[i]:",
        "if seen.type not in {type for type, _ in self.names[i]}:",
        "test_policy.py::test_free_is_a_verdict_of_its_own",
    ),
    Mutant(
        "policy/matching.py",
        "if _worse(check, max((value.check for value in self.rules[i].values), key=CHECKS.index)):",
        "if not check:",
        "test_policy.py::test_free_is_a_verdict_of_its_own",
    ),
    Mutant(
        "policy/matching.py",
        "named = [value for value in known if (value.type, value.name) == (seen.type, seen.name)]",
        "named = known",
        "test_policy.py::test_attacks_are_refused",
    ),
    Mutant(
        "policy/matching.py",
        "if all(_worse(check, value.check) for value in named):\n            return",
        "if not named:\n            return",
        "test_policy.py::test_attacks_are_refused",
    ),
    Mutant(
        "policy/matching.py",
        "return CHECKS.index(check) > CHECKS.index(known)",
        "return CHECKS.index(check) > CHECKS.index(known) + 1",
        "test_policy.py::test_a_log_without_data_does_not_keep_what_the_data_proved",
    ),
    Mutant(
        "policy/matching.py",
        "whole = (boot for boot in boots if all(boot in names for names in told))",
        "whole = boots",
        "test_policy.py::test_what_a_person_adds_in_a_gap_widens_nothing_beside_it",
    ),
    Mutant(
        "policy/matching.py",
        "if there not in patterns(matcher.rules, start, end):",
        "if False:",
        "test_policy.py::test_combinations_that_no_boot_had",
    ),
    Mutant(
        "policy/matching.py",
        "ways = patterns(rules, index, end) if index in ends else [(index,)]",
        "ways = [*patterns(rules, index, end), ()] if index in ends else [(index,)]",
        "test_policy.py::test_combinations_that_no_boot_had",
    ),
    Mutant(
        "policy/pairing.py",
        "while start < least and sure(start, start):",
        "while start < least and weight(start, start):",
        "test_policy.py::test_a_command_more_moves_no_other",
    ),
    Mutant(
        "policy/seen.py",
        "if value is not None and alg.id not in torn",
        "if value is not None",
        "test_policy.py::test_digests_that_are_not_one_of_each_bank_are_refused",
    ),
    Mutant(
        "policy/files.py",
        "if event.measured and content.mark(event):",
        "if False:",
        "test_policy.py::test_a_list_is_checked_by_name_in_any_order_and_number",
    ),
    Mutant(
        "policy/files.py",
        'if "mismatch" in verdicts or "matches" not in verdicts:',
        "if not verdicts:",
        "test_policy.py::test_a_list_is_checked_by_name_in_any_order_and_number",
    ),
    Mutant(
        "policy/files.py",
        'any(name == path or (path.endswith("/") and name.startswith(path)) for path in paths)',
        "any(name.startswith(path) for path in paths)",
        "test_policy.py::test_an_excluded_path_is_no_beginning_of_others",
    ),
    Mutant(
        "policy/files.py",
        'found[index, said.event] = said.verdict == "match"',
        "found[index, said.event] = True",
        "test_policy.py::test_the_first_entry_is_computed_from_registers_that_are_judged",
    ),
    Mutant(
        "policy/files.py",
        "if not name.startswith(_CODE))",
        "if name)",
        "test_policy.py::test_exclusions_are_proposed_and_decided_by_a_person",
    ),
    Mutant(
        "policy/learn.py",
        "_LEAST_FREE = 3",
        "_LEAST_FREE = 2",
        "test_policy.py::test_free_needs_three_boots_that_all_differ",
    ),
    Mutant(
        "policy/learn.py",
        "all(len(value.witnesses) == 1 and value.check == CHECKS[0] for value in values)",
        "all(len(value.witnesses) == 1 for value in values)",
        "test_policy.py::test_nothing_is_free_whose_data_is_not_what_was_measured",
    ),
    Mutant(
        "policy/learn.py",
        "and register in _MAY_BE_FREE\n",
        "",
        "test_policy.py::test_nothing_is_free_where_a_poisoned_boot_would_want_it",
    ),
    Mutant(
        "policy/learn.py",
        "return type in _MAY_VARY and (",
        "return (",
        "test_policy.py::test_nothing_is_free_where_a_poisoned_boot_would_want_it",
    ),
    Mutant(
        "policy/learn.py",
        '(name != "" and name not in TAGS.values())',
        "name not in TAGS.values()",
        "test_policy.py::test_nothing_is_free_where_a_poisoned_boot_would_want_it",
    ),
    Mutant(
        "policy/learn.py",
        '(name != "" and name not in TAGS.values())',
        'name != ""',
        "test_policy.py::test_nothing_is_free_where_a_poisoned_boot_would_want_it",
    ),
    Mutant(
        "policy/learn.py",
        "if boot.verification is not None and not boot.verification.ok:",
        "if False:",
        "test_policy.py::test_boots_that_nothing_can_be_learned_from",
    ),
    Mutant(
        "policy/learn.py",
        "result.ok and result.evidence.anchored else",
        "result.ok else",
        "test_policy.py::test_a_boot_is_verified_by_whom_the_learner_knows",
    ),
    Mutant(
        "policy/learn.py",
        "without = tuple(boot for boot in everyone if boot not in have)",
        "without = ()",
        "test_policy.py::test_what_boots_had_is_one_of_and_what_one_lacked_is_optional",
    ),
)


def problem(mutant: Mutant) -> str:
    """Why a mutant cannot be tried; empty if it can."""
    if not mutant.source.is_file():
        return "no such file"
    whole = mutant.source.read_text()
    if whole.count(mutant.old) != 1:
        return f"the old text stands there {whole.count(mutant.old)} times"
    try:
        ast.parse(whole.replace(mutant.old, mutant.new))
    except SyntaxError:
        # Every test would fail.
        return "the new text is no Python there"
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


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


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
        honest = _copy(_made(Path(folder) / "0"))
        sound = [MUTANTS[number] for number in numbers if not problem(MUTANTS[number])]
        if sound and _tested(honest, *dict.fromkeys(mutant.test for mutant in sound), honest=True) != _PASSED:
            print("the tests do not pass on the code as it stands")
            return 1
        trees: queue.Queue[Path] = queue.Queue()
        trees.put(honest)
        for number in range(1, jobs):
            trees.put(_copy(_made(Path(folder) / str(number)), honest))
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
