"""A Streamlit server in a process of its own, for the benchmarks."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class Server:
    """The running server: its address, and how much memory and processor time it takes."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

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
            connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", "/_stcore/health")
                if connection.getresponse().status == 200:
                    return True
            except (OSError, HTTPException):
                time.sleep(0.1)
            finally:
                connection.close()
        return False


@contextmanager
def serve(script: str | Path) -> Iterator[Server]:
    """Runs a script, given from the root of the repository, with the dashboard's configuration.

    Raises:
        RuntimeError: the server does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / script)]
    with TemporaryFile() as log:
        process = subprocess.Popen(
            command + [f"--{name}={value}" for name, value in options.items()],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Server(process, port)
            if not server.wait():
                log.seek(0)
                raise RuntimeError(f"{script} does not start:\n{log.read().decode()[-4000:]}")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
