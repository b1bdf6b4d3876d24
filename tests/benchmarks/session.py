"""A session without a browser: speaks Streamlit's protocol over its websocket, for load tests.

It does what the page in a browser does with the network: sends a widget's new value together with
the address, receives every message of the rerun, follows changes of the address, and fetches the
pictures that lie beside the messages. It draws nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.benchmarks.server import Server


@dataclass
class Rerun:
    """One run of a page's script, as its session saw it.

    Attributes:
        seconds: from sending the change to the message that the script has finished.
        first: until the first message of the rerun.
        picture: until the picture component had its new data.
        pictures: each time that it had, and those data, where they are bytes.
        sent: bytes received, messages and pictures.
        errors: texts of exceptions and of error boxes on the page.
    """

    seconds: float = 0.0
    first: float = 0.0
    picture: float = 0.0
    pictures: tuple[tuple[float, bytes], ...] = ()
    sent: int = 0
    errors: tuple[str, ...] = ()


class Session:
    """One visitor of one page."""

    def __init__(self, socket: ClientConnection, files: "_Files", page: str, query: str) -> None:
        self._socket = socket
        self._files = files
        self._page = page
        self._query = query
        self._sliders: dict[str, tuple[str, str]] = {}  # key -> id, id of its fragment

    async def open(self) -> Rerun:
        """The first run of the page."""
        return await self._rerun(ClientState())

    async def move(self, slider: str, value: float, *, to_end: bool = True) -> Rerun:
        """Moves the slider with this key and waits for the end of the rerun, or for its picture.

        A person does not wait for the end: the next move stops a rerun that is still under way.
        """
        widget_id, fragment_id = self._sliders[slider]
        state = ClientState(fragment_id=fragment_id)
        widget = state.widget_states.widgets.add(id=widget_id)
        widget.double_array_value.data.append(value)
        return await self._rerun(state, to_end=to_end)

    async def _rerun(self, state: ClientState, *, to_end: bool = True) -> Rerun:
        state.page_name, state.query_string = self._page, self._query
        done, pictures = Rerun(), list[str]()
        start = time.perf_counter()
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        while True:
            data = await self._socket.recv(decode=False)
            now = time.perf_counter() - start
            message = ForwardMsg.FromString(data)
            done.sent += len(data)
            match message.WhichOneof("type"):
                case "new_session":
                    done.first = now
                case "page_info_changed":
                    self._query = message.page_info_changed.query_string
                case "delta":
                    self._look_at(message.delta, now, done, pictures)
                    if done.picture and done.first and not to_end:
                        done.seconds = now
                        break
                case "script_finished" if done.first and message.script_finished != _OVERTAKEN:
                    done.seconds = now
                    break
        if to_end:  # pictures of a rerun that was stopped are not kept for long
            done.sent += await self._files.fetch(pictures)
        return done

    def _look_at(self, delta: Delta, now: float, done: Rerun, pictures: list[str]) -> None:
        element = delta.new_element
        match element.WhichOneof("type"):
            case "slider":
                name = element.slider.id.rpartition("-")[2]
                self._sliders[name] = (element.slider.id, delta.fragment_id)
            case "bidi_component" if done.first:  # else it is still the rerun before
                done.picture = now
                done.pictures += ((now, element.bidi_component.bytes),)
            case "imgs":
                pictures += [image.url for image in element.imgs.imgs]
            case "exception":
                done.errors += (element.exception.message,)
            case "alert" if element.alert.format == Alert.ERROR:
                done.errors += (element.alert.body,)


_OVERTAKEN = ForwardMsg.FINISHED_EARLY_FOR_RERUN


@asynccontextmanager
async def session(server: Server, page: str, **query: object) -> AsyncIterator[Session]:
    """A visitor who follows a link to a page: `session(server, "classical", sample="camera")`."""
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    files = _Files(server.port)
    async with connect(
        address, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None
    ) as socket:
        try:
            yield Session(socket, files, page, urlencode(query))
        finally:
            files.close()


class _Files:
    """Fetches files over one connection that is kept open, each once, as a browser does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._seen: set[str] = set()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def fetch(self, urls: list[str]) -> int:
        """Fetches those files that it has not fetched yet; returns their bytes.

        Raises:
            RuntimeError: the server does not have a file.
        """
        total = 0
        for url in urls:
            if url not in self._seen:
                self._seen.add(url)
                total += await self._get(url)
        return total

    async def _get(self, url: str) -> int:
        if self._streams is None or self._streams[0].at_eof():  # the server ends idle connections
            self.close()
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(
            int(line.partition(":")[2])
            for line in head.splitlines()
            if line.startswith("content-length:")
        )
        body = await reader.readexactly(length)
        if " 200 " not in head.splitlines()[0]:
            raise RuntimeError(f"{url}: {head.splitlines()[0]}")
        return len(body)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
