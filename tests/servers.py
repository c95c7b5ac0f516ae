"""A folder served over HTTP on this machine, and how it can misbehave."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class BreaksOff(Quiet):
    """Promises more than it sends."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)


class NeverEnds(Quiet):
    """Says nothing of its length and goes on until it is left."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass


class LiesAboutItsLength(Quiet):
    """A length that is no number."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "many")
        self.end_headers()


@contextmanager
def served(folder, handler=Quiet):
    """Yields the address of the folder, with a "/" at its end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
