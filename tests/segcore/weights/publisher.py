"""A host on this machine that publishes files, and can be told to misbehave."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 14


@dataclass
class Publisher:
    """Files by name, how they are sent, and what was asked for.

    Attributes:
        files: name -> content.
        pause: seconds between two pieces of 16 KB.
        share: what share of the file is sent before the connection is closed.
        code: status of every answer, where it is an error.
        takes_ranges: whether a part can be asked for.
        asked: name and Range header of every request.
        moved: name -> the one that it is found under, which whoever asks is sent to.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    pause: float = 0.0
    share: float = 1.0
    code: int = 200
    takes_ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def address(self, name: str) -> str:
        return f"{self.url}/{name}"

    def reply(self, name: str) -> int:
        """The status of the answer to whoever asks for a file."""
        if self.code != 200:
            return self.code
        if name in self.moved:
            return 302
        return 200 if name in self.files else 404


def start() -> tuple[Publisher, ThreadingHTTPServer]:
    """The publisher, and its server, which is to be shut down."""
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            publisher.asked.append((name, self.headers["Range"]))
            self.close_connection = True
            code = publisher.reply(name)
            if code == 200:
                self._send(publisher.files[name])
                return
            self.send_response(code)
            self.send_header("Location", publisher.address(publisher.moved.get(name, "")))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, data: bytes) -> None:
            first = 0
            if publisher.takes_ranges and self.headers["Range"]:
                first = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if first and first >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(data) - first))
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            last = int(len(data) * publisher.share)
            try:
                for at in range(first, last, PIECE):
                    self.wfile.write(data[at : min(at + PIECE, last)])
                    time.sleep(publisher.pause)
            except (BrokenPipeError, ConnectionResetError):
                return  # who asked went away, as a cancelled or killed download does

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    publisher.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return publisher, server
