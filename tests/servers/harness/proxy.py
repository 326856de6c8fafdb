"""A TCP proxy on the loopback that can cut, stall, slow down and refuse connections."""

import select
import socket
import struct
import threading
import time

RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends a RST


class Connection:
    def __init__(self, client: socket.socket, server: socket.socket):
        self.client, self.server = client, server
        self.gone = False

    def reset(self) -> None:
        self.gone = True
        for each in (self.client, self.server):
            try:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            except OSError:
                pass
            each.close()


class Proxy:
    """`port` is where to connect instead of `upstream`. All methods act on present and future connections."""

    def __init__(self, upstream: int):
        self.upstream = upstream
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.bytes_down = 0  # server to client, over all connections
        self.accepted = 0
        self._delay = 0.0
        self._cut_at: int | None = None
        self._refusing = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._connections: list[Connection] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    # What can be done to connections.

    def cut(self) -> None:
        """Resets every connection, both ways."""
        with self._lock:
            doomed, self._connections = self._connections, []
        for connection in doomed:
            connection.reset()

    def cut_after(self, more_bytes: int) -> None:
        """Resets every connection once so many more bytes went from server to client."""
        self._cut_at = self.bytes_down + more_bytes

    def stall(self) -> None:
        """Nothing passes any more, not even the end of a connection; nobody is told."""
        self._flowing.clear()

    def go_on(self) -> None:
        self._flowing.set()
        self._refusing = False

    def delay(self, seconds: float) -> None:
        """Every piece of data waits so long before it is passed on."""
        self._delay = seconds

    def refuse(self) -> None:
        """New connections are reset at once, until go_on()."""
        self._refusing = True

    def close(self) -> None:
        self.listener.close()
        self._flowing.set()
        self.cut()

    # How it is done: one thread for each connection.

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                if self._refusing:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self.upstream), 5)
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                continue
            connection = Connection(client, server)
            with self._lock:
                self._connections.append(connection)
            threading.Thread(target=self._forward, args=(connection,), daemon=True).start()

    def _forward(self, connection: Connection) -> None:
        client, server = connection.client, connection.server
        open_ends = [client, server]
        try:
            while open_ends:
                ready, _, _ = select.select(open_ends, [], [], 0.2)
                self._flowing.wait()
                if connection.gone:
                    return
                for source in ready:
                    target = server if source is client else client
                    data = source.recv(65536)
                    if not data:
                        open_ends.remove(source)
                        target.shutdown(socket.SHUT_WR)
                        continue
                    if self._delay:
                        time.sleep(self._delay)
                    self._flowing.wait()
                    if source is server:
                        self.bytes_down += len(data)
                        if self._cut_at is not None and self.bytes_down >= self._cut_at:
                            self._cut_at = None
                            target.sendall(data[: len(data) // 2])  # in the middle of a message
                            self.cut()
                            return
                    target.sendall(data)
        except (OSError, ValueError):
            pass
        connection.reset()
