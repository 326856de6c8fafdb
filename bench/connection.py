"""As much of the Postgres protocol as the benchmarks need: simple queries, and a replication stream read raw.

Only for servers on the loopback that trust everybody. Standard library only.
"""

import re
import socket
import struct
import time

EPOCH_OFFSET_S = 946684800  # Postgres counts from 2000-01-01
STATUS_EVERY_S = 5


class ServerError(Exception):
    pass


def parse_lsn(text: str) -> int:
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


class Connection:
    def __init__(self, port: int, database: str = "postgres", replication: bool = False):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        parameters = ["user", "postgres", "database", database, "client_encoding", "UTF8",
                      "options", "-c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex"
                                 " -c timezone=UTC -c extra_float_digits=3"]
        if replication:
            parameters += ["replication", "database"]
        body = b"".join(each.encode() + b"\0" for each in parameters) + b"\0"
        self.socket.sendall(struct.pack(">II", len(body) + 8, 196608) + body)
        self.rows_until_ready()

    def close(self) -> None:
        self.socket.close()

    def message(self) -> tuple[int, bytes]:
        while True:
            if len(self.buffer) >= 5:
                end = 1 + struct.unpack_from(">I", self.buffer, 1)[0]
                if len(self.buffer) >= end:
                    tag, body = self.buffer[0], bytes(self.buffer[5:end])
                    del self.buffer[:end]
                    if tag == ord("E"):
                        fields = dict((each[:1], each[1:].decode()) for each in body.split(b"\0") if each)
                        raise ServerError(f"{fields.get(b'C')} {fields.get(b'M')}")
                    return tag, body
            received = self.socket.recv(1 << 20)
            if not received:
                raise ServerError("the server closed the connection")
            self.buffer += received

    def rows_until_ready(self) -> list[list[str | None]]:
        rows = []
        while True:
            tag, body = self.message()
            if tag == ord("D"):
                rows.append(data_row(body))
            elif tag == ord("Z"):
                return rows

    def send_query(self, sql: str) -> None:
        text = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack(">I", len(text) + 4) + text)

    def query(self, sql: str) -> list[list[str | None]]:
        self.send_query(sql)
        return self.rows_until_ready()

    def value(self, sql: str) -> str | None:
        return self.query(sql)[0][0]

    def start_replication(self, slot: str, options: dict[str, str]) -> None:
        listed = ", ".join(f"{name} '{value}'" for name, value in options.items())
        self.send_query(f'START_REPLICATION SLOT "{slot}" LOGICAL 0/0 ({listed})')
        while self.message()[0] != ord("W"):
            pass

    def send_status(self, reply_now: bool) -> None:
        """Acknowledges nothing: the slot stays where it is."""
        now_us = int((time.time() - EPOCH_OFFSET_S) * 1e6)
        payload = b"r" + struct.pack(">QQQqB", 0, 0, 0, now_us, reply_now)
        self.socket.sendall(b"d" + struct.pack(">I", len(payload) + 4) + payload)

    def capture(self, until, sink, pause_s: float = 0.001) -> None:
        """Writes the payload of every CopyData message as a record of a capture file, until a keepalive says
        that the server has sent everything before the LSN that until() gives; None: not known yet."""
        buffer = bytearray(4 << 20)
        buffer[:len(self.buffer)] = self.buffer
        filled = len(self.buffer)
        self.buffer = bytearray()
        self.socket.settimeout(0.3)
        status_due = time.monotonic() + STATUS_EVERY_S
        while True:
            begin, done = split_frames(buffer, filled, until() or 1 << 64, sink)
            if done:
                return
            buffer[:filled - begin] = buffer[begin:filled]
            filled -= begin
            if filled >= 5:
                wanted = 1 + struct.unpack_from(">I", buffer, 1)[0]
                if wanted > len(buffer):
                    buffer.extend(bytes(wanted - len(buffer)))
            try:
                received = self.socket.recv_into(memoryview(buffer)[filled:])
            except TimeoutError:
                self.send_status(reply_now=True)
                continue
            if received == 0:
                raise ServerError("the server closed the connection")
            filled += received
            if time.monotonic() > status_due:
                self.send_status(reply_now=False)
                status_due = time.monotonic() + STATUS_EVERY_S
            time.sleep(pause_s)  # lets the socket fill: the server sends each message by itself


def split_frames(buffer: bytearray, filled: int, until: int, sink) -> tuple[int, bool]:
    """Writes out the whole frames at the buffer's front. Returns where the rest begins, and whether the end
    has come."""
    at = 0
    records = []
    done = False
    unpack, pack = struct.Struct(">I").unpack_from, struct.Struct(">I").pack_into
    while filled - at >= 5:
        size = unpack(buffer, at + 1)[0]
        end = at + 1 + size
        if end > filled:
            break
        if buffer[at] == 100:
            if buffer[at + 5] == 107 and struct.unpack_from(">Q", buffer, at + 6)[0] >= until:
                done = True
            # A record is the frame without its tag, and its length does not count itself.
            pack(buffer, at + 1, size - 4)
            records.append(bytes(memoryview(buffer)[at + 1:end]))
        elif buffer[at] == 69:
            raise ServerError(re.sub(rb"\0", b" ", bytes(buffer[at + 5:end])).decode(errors="replace"))
        at = end
        if done:
            break
    sink.write(b"".join(records))
    return at, done


def data_row(body: bytes) -> list[str | None]:
    count, at, values = struct.unpack_from(">h", body)[0], 2, []
    for _ in range(count):
        size = struct.unpack_from(">i", body, at)[0]
        at += 4
        values.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return values
