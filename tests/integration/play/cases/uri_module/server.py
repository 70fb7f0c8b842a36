"""A web server for the case: says its port in a file, and ends by itself."""

import base64
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_it(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/end":
            self.answer(200, b"")
            threading.Thread(target=server.shutdown).start()
        elif self.path == "/text":
            self.answer(200, b"plain", Content_Type="text/plain", X_Own_Header="x", Set_Cookie="c=1; Path=/")
        elif self.path == "/moved":
            self.answer(302, b"", Location="/echo")
        elif self.path == "/private":
            good = "Basic " + base64.b64encode(b"me:secret").decode()
            if self.headers.get("Authorization") != good:
                self.answer(401, b"no", WWW_Authenticate='Basic realm="x"')
            else:
                self.answer(200, b"yes")
        elif self.path.startswith("/status/"):
            self.answer(int(self.path[8:]), b'{"error": true}', Content_Type="application/json")
        else:
            told = {"method": self.command, "path": self.path, "body": sent}
            told["type"] = self.headers.get("Content-Type")
            told["own"] = self.headers.get("X-Own")
            self.answer(200, json.dumps(told, sort_keys=True).encode(), Content_Type="application/json; charset=utf-8")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_it

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as file:
    file.write(str(server.server_port))
os.rename("port.new", "port")
watch = threading.Timer(240, server.shutdown)
watch.daemon = True
watch.start()
server.serve_forever()
