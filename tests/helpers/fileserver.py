"""A server of one file on this machine, which can break off, forget ranges, or change the file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """What the server does.

    Attributes:
        content: of the file.
        etag: its mark; empty for none.
        ranges: whether it knows Range.
        stop_after: bytes after which a response breaks off; None for never.
        status: answer with this status instead.
        location: and this Location.
        hub: answer as the Hugging Face hub does.
        requests: headers of the requests so far.
    """

    content: bytes
    etag: str = '"one"'
    ranges: bool = True
    stop_after: int | None = None
    status: int = 0
    location: str = ""
    hub: bool = False
    address: str = ""
    paths: list[str] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serving(content: bytes, **settings: Any) -> Iterator[Served]:
    """Serve until the block ends; `address` is the server's."""
    served = Served(content, **settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            served.requests.append(dict(self.headers))
            served.paths.append(self.path)
            self.close_connection = True
            if served.status:
                self.send_response(served.status)
                if served.location:
                    self.send_header("Location", served.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data, start = served.content, 0
            asked = self.headers.get("Range")
            same = self.headers.get("If-Range") in (None, served.etag)
            if asked and served.ranges and same:
                start = int(asked.removeprefix("bytes=").partition("-")[0])
                if start >= len(data):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(data)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data) - start))
            if served.etag:
                self.send_header("ETag", served.etag)
            if served.hub:
                self.send_header("X-Repo-Commit", "1" * 40)
            self.end_headers()
            if body:
                end = len(data) if served.stop_after is None else start + served.stop_after
                self.wfile.write(data[start:end])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
