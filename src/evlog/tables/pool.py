"""The processes that read: as many as there are processors, or this one where there is little to do.

What the lake knows reaches them by files to which this process adds what it commits, so that a log that one of them
read is not read again by another.
"""

from __future__ import annotations

import os
from collections import deque
from itertools import islice

from evlog.tables.ids import IdSet
from evlog.tables.work import Result, Setting, Task, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future, ProcessPoolExecutor
    from tempfile import TemporaryDirectory

    from typing_extensions import Self

    from evlog.tables.state import State

__all__ = ["Pool"]

_KINDS = ("logs", "bodies", "sightings")
_WIDTH = 32
# Batches that wait for a process, besides those under way.
_AHEAD = 2


class Pool:
    """Does tasks, and gives what came of each in their order, one at a time: what it gives is committed before more."""

    def __init__(self, setting: Setting, state: State, jobs: int | None) -> None:
        self._setting, self._state = setting, state
        self._jobs = jobs if jobs is not None else _processors()
        self._worker: Worker | None = None
        self._executor: ProcessPoolExecutor | None = None
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._folder is not None:
            self._folder.cleanup()

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with what came of it."""
        remaining = iter(tasks)
        first = next(remaining, None)
        if first is None:
            return
        second = next(remaining, None) if self._jobs > 1 else None
        if second is None:
            yield first, self._here(first)
            for task in remaining:
                yield task, self._here(task)
            return
        waiting: deque[tuple[Task, Future[Result] | None]] = deque([(first, None), (second, None)])
        while True:
            waiting.extend((each, None) for each in islice(remaining, max(0, self._jobs + _AHEAD - len(waiting))))
            if not waiting:
                return
            waiting = deque((task, future or self._submitted(task)) for task, future in waiting)
            task, future = waiting.popleft()
            result = self._awaited(future)
            if result is None:
                # A process died, killed for its memory perhaps. What it and the others did since is done again: each
                # process leaves out what it has met, and nobody knows in which batch that was.
                self._stop()
                waiting = deque((each, None) for each, _ in waiting)
                result = self._one_by_one(task)
            yield task, result
            self._tell(result)

    def _here(self, task: Task) -> Result:
        if self._worker is None:
            state = self._state
            # The worker's sets are its own: what it adds there counts when it is committed.
            self._worker = Worker(self._setting, *(_copy(getattr(state, kind)) for kind in _KINDS))
        return self._worker.run(task)

    def _submitted(self, task: Task) -> Future[Result] | None:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return self._started().submit(_run, task)
        except BrokenProcessPool:
            return None

    @staticmethod
    def _awaited(future: Future[Result] | None) -> Result | None:
        """What came of a task; None if its process died."""
        from concurrent.futures.process import BrokenProcessPool

        try:
            return future.result() if future is not None else None
        except BrokenProcessPool:
            return None

    def _one_by_one(self, task: Task) -> Result:
        """A task of which something brings its process down: each group by itself, in a process of its own."""
        from concurrent.futures.process import BrokenProcessPool

        whole: list[Result] = []
        executor = self._made(1)
        for number, group in enumerate(task.groups):
            part = Task(f"{task.batch}-{number}", (group,))
            try:
                whole.append(executor.submit(_run, part).result())
            except BrokenProcessPool:
                executor.shutdown(wait=False, cancel_futures=True)
                executor = self._made(1)
                died = tuple((each.source, "the process that read it died") for each in group)
                whole.append(Result(part.batch, (), (), (), (), (), unreadable=died))
        executor.shutdown()
        return _sum(task.batch, whole)

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = self._made(self._jobs)
        return self._executor

    def _made(self, jobs: int) -> ProcessPoolExecutor:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        if self._folder is None:
            from tempfile import TemporaryDirectory

            self._folder = TemporaryDirectory(prefix="evlog-")
            for kind in _KINDS:
                with open(os.path.join(self._folder.name, kind), "wb") as file:
                    file.writelines(getattr(self._state, kind))
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(jobs, context, _begin, (self._setting, self._folder.name))

    def _tell(self, result: Result) -> None:
        """Let the processes know what was committed."""
        if self._folder is None:
            return
        for kind in _KINDS:
            with open(os.path.join(self._folder.name, kind), "ab") as file:
                file.write(b"".join(getattr(result, kind)))

    def _stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


class _Told:
    """A process's worker, and how far it has read what the lake knows."""

    def __init__(self, setting: Setting, folder: str) -> None:
        self._folder = folder
        self._at = dict.fromkeys(_KINDS, 0)
        self._sets = {kind: IdSet(_WIDTH) for kind in _KINDS}
        self.worker = Worker(setting, *self._sets.values())

    def catch_up(self) -> None:
        """Read what was committed since."""
        for kind, ids in self._sets.items():
            with open(os.path.join(self._folder, kind), "rb") as file:
                file.seek(self._at[kind])
                data = file.read()
            data = data[: len(data) - len(data) % _WIDTH]
            self._at[kind] += len(data)
            ids.update(data[at : at + _WIDTH] for at in range(0, len(data), _WIDTH))


_told: _Told | None = None


def _begin(setting: Setting, folder: str) -> None:
    """In a new process."""
    import gc
    import signal
    from threading import Thread

    global _told  # noqa: PLW0603
    # A parent that was killed cannot end its processes, and they would wait for it for ever.
    Thread(target=_end_with_parent, daemon=True).start()
    # What ends the run is for the process that commits to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    _told = _Told(setting, folder)


def _end_with_parent() -> None:
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: Task) -> Result:
    assert _told is not None
    _told.catch_up()
    return _told.worker.run(task)


def _sum(batch: str, results: list[Result]) -> Result:
    """Several results as one."""
    several = ("inputs", "parts", "logs", "bodies", "sightings", "evidence", "unreadable")
    return Result(
        batch,
        good=sum(result.good for result in results),
        odd=sum(result.odd for result in results),
        **{field: tuple(each for result in results for each in getattr(result, field)) for field in several},
    )


def _copy(ids: IdSet) -> IdSet:
    return IdSet(_WIDTH, ids)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
