//! Work shared out among the processors.

#![forbid(unsafe_code)]

use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;

/// Do the work on each item, on so many threads at the most; an error, if any item has one.
pub(crate) fn each<T: Send, E: Send>(
    mut items: impl Iterator<Item = T> + Send,
    threads: usize,
    work: impl Fn(T) -> Result<(), E> + Sync,
) -> Result<(), E> {
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
        let joined = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.fold(mine, Result::and)
    })
}
