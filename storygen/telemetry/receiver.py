"""An OTLP receiver for spans on the loopback address, over gRPC and over HTTP with protobuf.

Source of the protocol: the OpenTelemetry Protocol specification, "OTLP/gRPC" and "OTLP/HTTP".
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager

import grpc  # type: ignore[import-untyped]  # ships no types
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from storygen.errors import InvalidSettings
from storygen.telemetry.serving import Handler, Server

HOST = "127.0.0.1"
LONGEST_BODY = 16 * 1024 * 1024
_THREADS = 4


class Receiver(service.TraceServiceServicer):
    """Takes what exporters send, from the start until `close`.

    With `keep` it holds every span, else it only counts them; `take` is handed each batch. Port 0 picks a free one.
    Raises `InvalidSettings` where a port is taken.
    """

    def __init__(
        self,
        *,
        keep: bool = True,
        take: Callable[[Sequence[ResourceSpans]], None] | None = None,
        grpc_port: int = 0,
        http_port: int = 0,
    ) -> None:
        self.count = 0
        self.received: list[ResourceSpans] = []
        self._keep = keep
        self._take = take
        self._lock = threading.Lock()
        try:
            self._http = Server(HOST, http_port, _Handler, receiver=self)
        except OSError as error:
            raise _taken(http_port) from error
        self.http_port = self._http.port
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(max_workers=_THREADS),
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", LONGEST_BODY)],
        )
        service.add_TraceServiceServicer_to_server(self, self._grpc)  # type: ignore[no-untyped-call]
        try:
            self.grpc_port: int = self._grpc.add_insecure_port(f"{HOST}:{grpc_port}")
        except RuntimeError as error:
            self._http.close()
            raise _taken(grpc_port) from error
        self._grpc.start()

    def Export(  # noqa: N802 - the name of the call in the protocol
        self, request: messages.ExportTraceServiceRequest, _context: object
    ) -> messages.ExportTraceServiceResponse:
        """One batch."""
        number = sum(len(scope.spans) for part in request.resource_spans for scope in part.scope_spans)
        with self._lock:
            self.count += number
            if self._keep:
                self.received.extend(request.resource_spans)
        if self._take:
            self._take(request.resource_spans)
        return messages.ExportTraceServiceResponse()

    def spans(self) -> list[Span]:
        """All spans, in the order in which they came."""
        return [span for part in self.received for scope in part.scope_spans for span in scope.spans]

    def close(self) -> None:
        """Stop listening."""
        self._grpc.stop(grace=None).wait()
        self._http.close()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver of this process, closed at the end of the block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def _taken(port: int) -> InvalidSettings:
    return InvalidSettings(f"Port {port} cannot be used to receive traces.", hint="Another program listens there.")


class _Handler(Handler):
    """OTLP over HTTP with protobuf."""

    receiver: Receiver

    def do_POST(self) -> None:  # noqa: N802 - the name is the method of HTTP
        if self.path.split("?")[0] != "/v1/traces":
            self.send_error(404, "Spans go to /v1/traces")
            return
        body = self.body(LONGEST_BODY)
        if body is None:
            return
        try:
            plain = _inflated(body) if self.headers.get("Content-Encoding") == "gzip" else body
            request = messages.ExportTraceServiceRequest.FromString(plain)
        except (DecodeError, zlib.error, ValueError) as error:
            self.send_error(400, type(error).__name__)
            return
        self.answer(200, "application/x-protobuf", self.receiver.Export(request, None).SerializeToString())


def _inflated(body: bytes) -> bytes:
    """What was compressed with gzip. Raises `ValueError` where it grows beyond what may be sent at all."""
    inflater = zlib.decompressobj(wbits=31)
    plain = inflater.decompress(body, LONGEST_BODY)
    if inflater.unconsumed_tail:
        raise ValueError("more than may be sent")
    return plain
