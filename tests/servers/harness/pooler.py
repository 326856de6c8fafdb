"""A connection pooler as seen from outside."""

import select
import socket
import struct
import threading


class Pooler:
    """As PgBouncer looks from outside: keys of its own making, and no replication or none of our start-up options."""

    def __init__(self, upstream: int, refuses: bytes):
        self.upstream, self.refuses = upstream, refuses
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        startup = client.recv(65536)
        if self.refuses + b"\0" in startup:
            fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: " + self.refuses + b"\0\0"
            client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.upstream))
        server.sendall(startup)
        first = True
        while True:
            for each in select.select([client, server], [], [])[0]:
                data = each.recv(65536)
                if not data:
                    client.close()
                    server.close()
                    return
                if each is server and first:
                    at = data.index(b"K\0\0\0\x0c") + 5
                    data = data[:at] + struct.pack("!i", 77) + data[at + 4:]
                    first = False
                (client if each is server else server).sendall(data)
