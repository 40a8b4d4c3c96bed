# SPDX-License-Identifier: Apache-2.0
"""An HTTP endpoint whose answers a test decides: Endpoint(lambda request: 200)."""
import collections
import http.server
import json
import threading
import time

Request = collections.namedtuple("Request", "method path headers text body at")


class Endpoint:
    """answer(request) gives a status, or (status, headers), or (status, headers, text), or None to cut the
    connection. All requests are kept in order of arrival."""

    def __init__(self, answer=lambda request: 200):
        self.answer = answer
        self.requests = []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self):
                text = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    body = json.loads(text)
                except ValueError:
                    body = None
                request = Request(self.command, self.path, self.headers, text, body, time.monotonic())
                with outer.lock:
                    outer.requests.append(request)
                reply = outer.answer(request)
                if reply is None:
                    self.close_connection = True
                    return
                reply = (reply,) if isinstance(reply, int) else reply
                status, headers, content = (*reply, *({}, "")[len(reply) - 1:])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                data = content.encode()
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET = handle_request

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/api"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def events(self):
        """The requests as the checker takes them."""
        with self.lock:
            return [{"id": r.headers.get("webhook-id"), "op": r.headers.get("x-multisink-op"), "body": r.body}
                    for r in self.requests]
