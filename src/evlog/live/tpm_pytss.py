"""A TPM by tpm2-pytss, the binding of the TPM2 software stack (extra ``tpm``).

Source: tpm2-pytss 2 and 3, ESAPI; TPM 2.0 Library, part 2, for the structures. A connection is made for each command's
worth of work and closed, so that a device with a single opener is free in between.
"""

from __future__ import annotations

import importlib
import importlib.util
import os

from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.errors import EvlogError, SourceError
from evlog.live.tpm_answers import answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from evlog.live.tpm_answers import Selection

__all__ = ["Pytss", "installed"]

_MOST_BANKS = 16
_EMPTY_ANSWERS = 64


def installed() -> bool:
    """Whether the binding is there; it is not imported for that."""
    return importlib.util.find_spec("tpm2_pytss") is not None


class Pytss:
    """See `evlog.live.tpm_answers.Backend`."""

    def __init__(self, tcti: str) -> None:
        # The stack prints each error before it returns it.
        os.environ.setdefault("TSS2_LOG", "all+none")
        try:
            self.tss: Any = importlib.import_module("tpm2_pytss")
        except (ImportError, OSError, RuntimeError) as error:
            raise SourceError(f"tpm2-pytss cannot be used: {error}") from error
        self.tcti = tcti
        self._banks: dict[int, tuple[int, ...]] | None = None

    def banks(self) -> dict[int, tuple[int, ...]]:
        if self._banks is None:
            with _Connection(self) as tpm:
                _, found = tpm.get_capability(self.tss.TPM2_CAP.PCRS, 0, _MOST_BANKS)
                self._banks = dict(_chosen(found.data.assignedPCR))
            if not self._banks:
                raise SourceError(f"tpm:{self.tcti}: no bank of PCRs")
        return self._banks

    def read(self, selection: Selection) -> tuple[int | None, dict[tuple[int, int], bytes]]:
        left = {alg: set(pcrs) for alg, pcrs in selection.items() if alg in ALGORITHMS}
        values: dict[tuple[int, int], bytes] = {}
        counters = set()
        with _Connection(self) as tpm:
            # At most eight values come at a time; what is not implemented never does.
            for _ in range(_EMPTY_ANSWERS):
                asked = {alg: sorted(pcrs) for alg, pcrs in left.items() if pcrs}
                if not asked:
                    break
                counter, came, digests = tpm.pcr_read(self._select(asked))
                counters.add(int(counter))
                keys = [(alg, pcr) for alg, pcrs in _chosen(came) for pcr in pcrs]
                if not keys:
                    break
                for (alg, pcr), digest in zip(keys, digests, strict=True):
                    values[alg, pcr] = bytes(digest)
                    left[alg].discard(pcr)
        return (counters.pop() if len(counters) == 1 else None), values

    def extend(self, index: int, digests: Mapping[int, bytes]) -> None:
        tss = self.tss
        listed = [
            tss.TPMT_HA(hashAlg=tss.TPM2_ALG(alg), digest=tss.TPMU_HA(**{_field(alg): digest}))
            for alg, digest in digests.items()
        ]
        with _Connection(self) as tpm:
            tpm.pcr_extend(tss.ESYS_TR(index), tss.TPML_DIGEST_VALUES(listed))

    def reset_count(self) -> int:
        with _Connection(self) as tpm:
            return int(tpm.read_clock().clockInfo.resetCount)

    def quote(self, nonce: bytes, selection: Selection, key: int | None) -> tuple[bytes, bytes, bytes, bytes]:
        tss = self.tss
        with _Connection(self) as tpm:
            if key is None:
                signer, public = self._make_key(tpm)
            else:
                signer = tpm.tr_from_tpmpublic(key)
                public = tpm.read_public(signer)[0]
            try:
                message, signature = tpm.quote(signer, self._select(selection), tss.TPM2B_DATA(nonce))
            finally:
                if key is None:
                    tpm.flush_context(signer)
            return bytes(message), signature.marshal(), public.publicArea.to_pem(), public.marshal()

    def _make_key(self, tpm: Any) -> tuple[Any, Any]:
        """A restricted signing key, of the first hierarchy that may be used without a password."""
        tss = self.tss
        flags = tss.TPMA_OBJECT
        attributes = (
            flags.USERWITHAUTH | flags.SIGN_ENCRYPT | flags.RESTRICTED
            | flags.FIXEDTPM | flags.FIXEDPARENT | flags.SENSITIVEDATAORIGIN
        )  # fmt: skip
        template = tss.TPM2B_PUBLIC.parse("ecc:ecdsa-sha256:null", objectAttributes=attributes)
        refused: Exception | None = None
        for hierarchy in (tss.ESYS_TR.ENDORSEMENT, tss.ESYS_TR.OWNER, tss.ESYS_TR.NULL):
            try:
                handle, public, *_ = tpm.create_primary(tss.TPM2B_SENSITIVE_CREATE(), template, hierarchy)
                return handle, public
            except tss.TSS2_Exception as error:
                refused = refused or error
        assert refused is not None
        raise refused

    def _select(self, selection: Selection) -> str:
        return "+".join(f"{HashAlg.of(alg).name}:{','.join(map(str, pcrs))}" for alg, pcrs in selection.items())


class _Connection:
    """A connection to the TPM; errors of the stack leave it as evlog's."""

    def __init__(self, backend: Pytss) -> None:
        self.backend = backend

    def __enter__(self) -> Any:
        try:
            self.tpm = self.backend.tss.ESAPI(self.backend.tcti)
        except self.backend.tss.TSS2_Exception as error:
            raise SourceError(f"tpm:{self.backend.tcti}: cannot be reached ({error})") from error
        return self.tpm

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        try:
            self.tpm.close()
        finally:
            if isinstance(error, self.backend.tss.TSS2_Exception):
                raise _told(error) from error


def _told(error: Any) -> EvlogError:
    return answer(int(error.rc), str(error))


def _chosen(selections: Any) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The PCRs of a TPML_PCR_SELECTION, bank by bank."""
    for each in selections:
        bits = int.from_bytes(bytes(each.pcrSelect)[: each.sizeofSelect], "little")
        pcrs = tuple(pcr for pcr in range(8 * each.sizeofSelect) if bits >> pcr & 1)
        if pcrs:
            yield int(each.hash), pcrs


def _field(alg: int) -> str:
    """The name of a hash's member in TPMU_HA."""
    return HashAlg.of(alg).name
