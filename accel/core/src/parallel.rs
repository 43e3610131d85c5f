//! Work shared out among the processors.

#![forbid(unsafe_code)]

use std::sync::Mutex;
use std::thread;

use crate::fold::FoldError;

/// Do the work on each item, on so many threads at the most; an error, if any item has one.
pub(crate) fn each<T: Send>(
    items: impl Iterator<Item = T> + Send,
    threads: usize,
    work: impl Fn(T) -> Result<(), FoldError> + Sync,
) -> Result<(), FoldError> {
    let mut items = items;
    if threads <= 1 {
        return items.try_for_each(work);
    }
    let queue = Mutex::new(items);
    let run = || {
        while let Some(item) = queue.lock().map_or(None, |mut items| items.next()) {
            work(item)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mine = run();
        // A thread that panicked has done less than it should.
        let joined = others.into_iter().map(|other| other.join().unwrap_or(Err(FoldError::Lengths)));
        joined.fold(mine, Result::and)
    })
}
