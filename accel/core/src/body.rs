//! Digests of a record's own data: which rows have only such.

#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::algorithm::Algorithm;
use crate::fold::FoldError;
use crate::hash::hash_all;
use crate::parallel;

/// Rows that are hashed together: enough to fill the lanes, few enough to stay in the processor's cache.
const WINDOW: usize = 1 << 12;

/// Records of one shape: where the data starts, and where each digest stands.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Bytes from a record's start to its data, which goes on to the next record; or to the length of the name that
    /// the data stands behind.
    pub body: u32,
    /// For each digest, its algorithm and its distance from the record's start.
    pub digests: Vec<(Algorithm, u32)>,
    /// How data behind a name is found, and what of it is covered.
    pub named: Option<Named>,
}

/// Data that stands behind a name, whose length is a 32-bit number in front of it.
#[derive(Clone, Debug)]
pub struct Named {
    /// Whether the length of the name is big-endian.
    pub big_endian: bool,
    /// What is covered of the data behind a name that is not one of the others.
    pub usual: Part,
    /// What is covered of the data behind these names.
    pub others: Vec<(Vec<u8>, Part)>,
}

/// What a digest covers of some data: its first bytes, and what follows those that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes at the start.
    pub kept: u32,
    /// Bytes after these that are not covered.
    pub left_out: u32,
    /// Bytes that the rest is filled up to, with zeros.
    pub filled: u32,
}

impl Named {
    /// What is covered in a record, from the length of the name on; None if the name does not fit into it.
    fn covered<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let (length, rest) = record.split_first_chunk::<4>()?;
        let length = if self.big_endian { u32::from_be_bytes(*length) } else { u32::from_le_bytes(*length) };
        let (name, data) = rest.split_at_checked(length as usize)?;
        let other = self.others.iter().find(|(other, _)| other == name);
        Some(other.map_or(self.usual, |&(_, part)| part).of(data))
    }
}

impl Part {
    fn of(self, data: &[u8]) -> Cow<'_, [u8]> {
        let (kept, rest) = data.split_at(data.len().min(self.kept as usize));
        let rest = &rest[rest.len().min(self.left_out as usize)..];
        if kept.is_empty() && rest.len() >= self.filled as usize {
            return Cow::Borrowed(rest);
        }
        let mut covered = [kept, rest].concat();
        covered.resize(kept.len() + rest.len().max(self.filled as usize), 0);
        Cow::Owned(covered)
    }
}

/// The rows of a log whose records have data.
#[derive(Clone, Copy, Debug)]
pub struct Bodies<'a> {
    /// The log.
    pub buffer: &'a [u8],
    /// First byte of each record.
    pub offsets: &'a [u64],
    /// The byte after the last record.
    pub end: u64,
    /// The shape of each record; all have shape 0 where this is absent.
    pub shape_of: Option<&'a [u8]>,
}

/// For each row, 1 if it has digests and all of them are hashes of its data, or of what is covered of it, else 0.
///
/// A row has no data, and 0, where the name that its data stands behind does not fit into the record.
///
/// `threads` says how many may run; it is asked only if there is enough to do.
pub fn of_body(rows: Bodies<'_>, shapes: &[Shape], threads: impl Fn() -> usize) -> Result<Vec<u8>, FoldError> {
    let count = rows.offsets.len();
    if rows.shape_of.is_some_and(|shapes| shapes.len() != count) {
        return Err(FoldError::Lengths);
    }
    let mut flags = vec![0; count];
    let threads = if count <= WINDOW { 1 } else { threads() };
    let windows = flags.chunks_mut(WINDOW).enumerate();
    parallel::each(windows, threads, |(number, flags)| window(rows, shapes, number * WINDOW, flags))?;
    Ok(flags)
}

fn window(rows: Bodies<'_>, shapes: &[Shape], first: usize, flags: &mut [u8]) -> Result<(), FoldError> {
    let mut found: Vec<Digests<'_>> = Vec::new();
    for (place, flag) in flags.iter_mut().enumerate() {
        let row = first + place;
        let start = rows.offsets[row];
        let stop = rows.offsets.get(row + 1).map_or(rows.end, |&next| next);
        let shape = shapes.get(rows.shape_of.map_or(0, |shapes| shapes[row] as usize)).ok_or(FoldError::Layout(row))?;
        let record = usize::try_from(start).ok().zip(usize::try_from(stop).ok());
        let record = record.and_then(|(start, stop)| rows.buffer.get(start..stop)).ok_or(FoldError::Digest(row))?;
        let body = record.get(shape.body as usize..);
        let body = match &shape.named {
            None => Some(Cow::Borrowed(body.ok_or(FoldError::Digest(row))?)),
            Some(named) => body.and_then(|from| named.covered(from)),
        };
        for &(algorithm, distance) in &shape.digests {
            let digest = record.get(distance as usize..).and_then(|rest| rest.get(..algorithm.size()));
            let digest = digest.ok_or(FoldError::Digest(row))?;
            let known = found.iter().position(|digests| digests.algorithm == algorithm);
            let known = known.unwrap_or_else(|| {
                found.push(Digests { algorithm, places: Vec::new(), recorded: Vec::new(), bodies: Vec::new() });
                found.len() - 1
            });
            if let Some(body) = &body {
                found[known].push(place, digest, body.clone());
            }
        }
        *flag = u8::from(!shape.digests.is_empty() && body.is_some());
    }
    for digests in &found {
        let bodies: Vec<&[u8]> = digests.bodies.iter().map(|body| &**body).collect();
        let hashed = hash_all(digests.algorithm, &bodies);
        for ((&place, recorded), hash) in digests.places.iter().zip(&digests.recorded).zip(hashed) {
            flags[place] &= u8::from(**recorded == hash[..digests.algorithm.size()]);
        }
    }
    Ok(())
}

/// The digests of one algorithm in a window: the row's place in it, the digest, and the data.
struct Digests<'a> {
    algorithm: Algorithm,
    places: Vec<usize>,
    recorded: Vec<&'a [u8]>,
    bodies: Vec<Cow<'a, [u8]>>,
}

impl<'a> Digests<'a> {
    fn push(&mut self, place: usize, recorded: &'a [u8], body: Cow<'a, [u8]>) {
        self.places.push(place);
        self.recorded.push(recorded);
        self.bodies.push(body);
    }
}

/// For each row, the number in the four bytes at a distance from its start, which is given by shape.
///
/// Where less is left of the buffer, the number in what is left.
pub fn words(
    buffer: &[u8],
    offsets: &[u64],
    shape_of: Option<&[u8]>,
    distances: &[u32],
    big_endian: bool,
) -> Result<Vec<u32>, FoldError> {
    if shape_of.is_some_and(|shapes| shapes.len() != offsets.len()) {
        return Err(FoldError::Lengths);
    }
    let word = |(row, &offset): (usize, &u64)| {
        let shape = shape_of.map_or(0, |shapes| shapes[row] as usize);
        let distance = *distances.get(shape).ok_or(FoldError::Layout(row))?;
        let at = offset.saturating_add(u64::from(distance)).min(buffer.len() as u64) as usize;
        let rest = &buffer[at..];
        Ok(match rest.first_chunk::<4>() {
            Some(&bytes) if big_endian => u32::from_be_bytes(bytes),
            Some(&bytes) => u32::from_le_bytes(bytes),
            None if big_endian => rest.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)),
            None => rest.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)),
        })
    };
    offsets.iter().enumerate().map(word).collect()
}
