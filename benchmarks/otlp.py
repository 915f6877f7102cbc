"""A real OTLP receiver on loopback, over gRPC and HTTP: in this process for tests, in one of its own for the bench.

As a program (`python -m benchmarks.otlp`) it prints its two ports and, when its standard input ends,
how many spans came.
"""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen

import grpc  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span


class Receiver(service.TraceServiceServicer):
    """Takes what exporters send; with `keep` it holds the spans, else it only counts them."""

    def __init__(self, *, keep: bool = True) -> None:
        self.count = 0
        self.received: list[ResourceSpans] = []
        self._keep = keep
        self._lock = threading.Lock()
        self._grpc = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        service.add_TraceServiceServicer_to_server(self, self._grpc)  # type: ignore[no-untyped-call]
        self.grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.http_port: int = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def Export(  # noqa: N802 - the name of the call in the protocol
        self, request: messages.ExportTraceServiceRequest, _context: object
    ) -> messages.ExportTraceServiceResponse:
        """One batch."""
        number = sum(len(scope.spans) for part in request.resource_spans for scope in part.scope_spans)
        with self._lock:
            self.count += number
            if self._keep:
                self.received.extend(request.resource_spans)
        return messages.ExportTraceServiceResponse()

    def spans(self) -> list[Span]:
        """All spans, in the order in which they came."""
        return [span for part in self.received for scope in part.scope_spans for span in scope.spans]

    def close(self) -> None:
        """Stop listening."""
        self._grpc.stop(grace=None).wait()
        self._http.shutdown()
        self._http.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """OTLP over HTTP with protobuf."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = receiver.Export(messages.ExportTraceServiceRequest.FromString(body), None).SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Batches are not worth a line."""

    return Handler


class Remote:
    """A receiver in a process of its own."""

    def __init__(self) -> None:
        self._process = Popen([sys.executable, "-m", "benchmarks.otlp"], stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdout is not None
        self.grpc_port, self.http_port = (int(port) for port in self._process.stdout.readline().split())

    def close(self) -> int:
        """End it; says how many spans came."""
        said, _ = self._process.communicate("", timeout=30)
        return int(said)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver in this process."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def main() -> None:
    """Count spans until standard input ends."""
    receiver = Receiver(keep=False)
    print(receiver.grpc_port, receiver.http_port, flush=True)
    sys.stdin.read()
    receiver.close()
    print(receiver.count)


if __name__ == "__main__":
    main()
