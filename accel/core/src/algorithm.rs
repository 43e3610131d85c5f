//! The hash algorithms by their TPM_ALG_ID, as the TCG Algorithm Registry numbers them.

#![forbid(unsafe_code)]

use sha2::Digest;

/// Bytes of the longest digest.
pub const MAX_SIZE: usize = 64;

/// A hash algorithm that this crate computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// TPM_ALG_SHA1
    Sha1,
    /// TPM_ALG_SHA256
    Sha256,
    /// TPM_ALG_SHA384
    Sha384,
    /// TPM_ALG_SHA512
    Sha512,
    /// TPM_ALG_SM3_256
    Sm3,
    /// TPM_ALG_SHA3_256
    Sha3_256,
    /// TPM_ALG_SHA3_384
    Sha3_384,
    /// TPM_ALG_SHA3_512
    Sha3_512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sm3,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// The algorithm with this TPM_ALG_ID, if it is one of these.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id() == id)
    }

    /// TPM_ALG_ID.
    pub const fn id(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000B,
            Self::Sha384 => 0x000C,
            Self::Sha512 => 0x000D,
            Self::Sm3 => 0x0012,
            Self::Sha3_256 => 0x0027,
            Self::Sha3_384 => 0x0028,
            Self::Sha3_512 => 0x0029,
        }
    }

    /// Bytes of a digest.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 | Self::Sm3 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The hash of the concatenated parts, in the first [`size`](Self::size) bytes.
    pub fn hash(self, parts: &[&[u8]]) -> [u8; MAX_SIZE] {
        match self {
            Self::Sha1 => hash::<sha1::Sha1>(parts),
            Self::Sha256 => hash::<sha2::Sha256>(parts),
            Self::Sha384 => hash::<sha2::Sha384>(parts),
            Self::Sha512 => hash::<sha2::Sha512>(parts),
            Self::Sm3 => hash::<sm3::Sm3>(parts),
            Self::Sha3_256 => hash::<sha3::Sha3_256>(parts),
            Self::Sha3_384 => hash::<sha3::Sha3_384>(parts),
            Self::Sha3_512 => hash::<sha3::Sha3_512>(parts),
        }
    }
}

fn hash<D: Digest>(parts: &[&[u8]]) -> [u8; MAX_SIZE] {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0; MAX_SIZE];
    let digest = hasher.finalize();
    out[..digest.len()].copy_from_slice(&digest);
    out
}
