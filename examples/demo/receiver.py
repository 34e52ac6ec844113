#!/usr/bin/env python3
"""The backend of the demo: takes webhooks and checks their signatures.

It shares no code with the sender: HMAC comes from Python's standard library. Each webhook becomes
one line of JSON on stdout, and the first line says where to send them. The secrets come in the
environment (RECEIVER_SECRETS, a JSON object from app key to secret), and when stdin closes, the
demo is gone and so is the receiver.
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRETS = json.loads(os.environ["RECEIVER_SECRETS"])
stdout_lock = threading.Lock()


def report(**line):
    with stdout_lock:
        print(json.dumps(line), flush=True)


def signed_like_pusher(headers, body, secret):
    """X-Pusher-Signature: the lowercase hex HMAC-SHA256 of the body as it came."""
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers.get("X-Pusher-Signature", ""))


def signed_like_standard_webhooks(headers, body, secret):
    """webhook-signature: one or more `v1,<base64>`, each over `<id>.<timestamp>.<body>`."""
    signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode()
    digest = hmac.new(secret, signed + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    offered = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, one) for one in offered)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        arrived_at = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers.get("X-Pusher-Key", "")
        secret = SECRETS.get(key, "").encode()
        report(
            arrived_at=arrived_at,
            key=key,
            id=self.headers.get("webhook-id"),
            genuine=key in SECRETS
            and signed_like_pusher(self.headers, body, secret)
            and signed_like_standard_webhooks(self.headers, body, secret),
            events=json.loads(body)["events"],
        )

        # Last, so that the lines come in the order of the webhooks: the sender waits for the answer.
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """The demo prints what arrives; an access log would only repeat it."""


def main():
    # Ctrl-C reaches the whole process group, and the demo still wants what is on its way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    report(url=f"http://127.0.0.1:{server.server_port}/webhooks")
    sys.stdin.read()


if __name__ == "__main__":
    main()
