"""A Streamlit server in a process of its own, for the browser tests and the benchmarks."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
ATTEMPTS = 3  # somebody else may take a free port first


class Server:
    """The running server: its address, and how much memory and processor time it takes."""

    def __init__(self, script: Path, log: Path, env: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", script]
                + [f"--{name}={value}" for name, value in options.items()],
                cwd=ROOT,  # the dashboard's own configuration holds
                env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def resident_mb(self) -> float:
        """Resident memory in megabytes (10⁶ bytes), as Linux counts it."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6

    def cpu_seconds(self) -> float:
        """Processor time that the server has taken since its start, all threads together."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def wait(self) -> bool:
        """Whether the server became healthy; False if it ended or took too long."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._is_healthy():
                return True
            time.sleep(0.1)
        return False

    def _is_healthy(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def log(self) -> str:
        """The end of what the server has said."""
        return self._log.read_text("utf-8", errors="replace")[-4000:]

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start(script: str | Path, folder: Path, **env: str) -> Server:
    """Starts a script, given from the root of the repository, on a free port of this machine.

    Args:
        script: path of a Streamlit script.
        folder: where the server's log goes.
        env: added to the environment, so `STREAMLIT_THEME_BASE="dark"` sets an option.

    Raises:
        RuntimeError: the server does not start.
    """
    said = ""
    for _ in range(ATTEMPTS):
        server = Server(
            ROOT / script, folder / f"{Path(script).stem}-{time.monotonic_ns()}.log", env
        )
        if server.wait():
            return server
        server.stop()
        said = server.log()
    raise RuntimeError(f"{script} does not start:\n{said}")


@contextmanager
def serve(script: str | Path) -> Iterator[Server]:
    """The server of a script, which stops at the end; see `start`."""
    with TemporaryDirectory() as folder:
        server = start(script, Path(folder))
        try:
            yield server
        finally:
            server.stop()
