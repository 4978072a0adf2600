"""A receiver of Assetra's webhooks, whole and without packages.   SECRET=… PORT=9000 python3 receiver.py"""
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["SECRET"].encode()
# Seconds: an older message is one that somebody sends again.
TOLERANCE = 300
# While a secret is rotated, another header has the signature of the other one.
SIGNATURE_HEADERS = ("X-Assetra-Signature", "X-Assetra-Signature-Next", "X-Assetra-Signature-Previous")
# Messages may come twice. Keep these ids with your data, in the same transaction; a set in memory forgets.
seen = set()


def is_genuine(headers, body):
    """`body` is what came over the wire, byte by byte: parsed and printed again it may differ."""
    timestamp = headers.get("X-Assetra-Timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    right = "sha256=" + hmac.new(SECRET, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    # As bytes: of texts it takes none but ASCII.
    return any(hmac.compare_digest(headers.get(name, "").encode(), right.encode()) for name in SIGNATURE_HEADERS)


def take(event):
    print(event["event"], event["sequence"], json.dumps(event["data"]), flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        genuine = is_genuine(self.headers, body)
        message = self.headers.get("webhook-id")
        if genuine and message not in seen:
            take(json.loads(body))
            seen.add(message)
        # Within ten seconds; what takes longer is done after the answer.
        self.send_response(204 if genuine else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "9000"))), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
