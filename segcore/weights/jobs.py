"""Downloads that run in the background of a server: one for all who want the same file."""

import threading
from collections.abc import Hashable

from segcore.errors import SegcoreError
from segcore.weights.download import CancelledError, OpenUrl, Progress, Source, fetch


class Job:
    """One download; it ends early when nobody wants it any more.

    Attributes:
        progress: how far it is.
        error: why it failed, in one sentence; None as long as it did not.
    """

    def __init__(self, source: Source, open_url: OpenUrl | None) -> None:
        self.progress = Progress(0, source.n_bytes)
        self.error: str | None = None
        self.wanted_by: set[Hashable] = set()
        self._source = source
        self._open_url = open_url
        # A daemon: who stops the server does not wait for it, and what it leaves is only a part.
        self._thread = threading.Thread(target=self._run, name=source.target.name, daemon=True)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits until it is over, at most so long; whether it is."""
        self._thread.join(seconds)
        return self.is_over

    def _run(self) -> None:
        try:
            fetch(
                self._source,
                told=self._tell,
                is_cancelled=lambda: not self.wanted_by,
                open_url=self._open_url,
            )
        except CancelledError:
            return
        except SegcoreError as error:
            self.error = str(error)

    def _tell(self, progress: Progress) -> None:
        self.progress = progress


class Downloads:
    """The downloads of a server, by the file that they make.

    Args:
        open_url: opens an address, see segcore.weights.download.
    """

    def __init__(self, open_url: OpenUrl | None = None) -> None:
        self._jobs: dict[Hashable, Job] = {}
        self._lock = threading.Lock()
        self._open_url = open_url

    def start(self, source: Source, who: Hashable) -> Job:
        """The download of this file, begun now unless it is under way; `who` wants it from now."""
        with self._lock:
            job = self._jobs.get(source.target)
            if job is None or job.is_over or not job.wanted_by:
                job = self._jobs[source.target] = Job(source, self._open_url)
                job.wanted_by.add(who)
                job.start()
            job.wanted_by.add(who)
            return job

    def find(self, source: Source) -> Job | None:
        """The last download of this file that was not given up."""
        with self._lock:
            job = self._jobs.get(source.target)
            return job if job is not None and job.wanted_by else None

    def leave(self, source: Source, who: Hashable) -> None:
        """`who` wants the file no more; the download ends when nobody does."""
        with self._lock:
            job = self._jobs.get(source.target)
            if job is not None:
                job.wanted_by.discard(who)


downloads = Downloads()
"""The one list of this process."""
