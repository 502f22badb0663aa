"""A confined program that asks much of its one declared host, which sends back what it is sent."""

import hashlib
import socket
import struct
import sys
import threading

THERE = (sys.argv[1], int(sys.argv[2]))
BODY = 100 * 1024 * 1024
BLOCK = bytes(range(256)) * 4096


def great_body() -> bool:
    """100 MiB come back as they went, and the end of the stream after them."""
    there = socket.create_connection(THERE)
    sent, got, count = hashlib.sha256(), hashlib.sha256(), 0

    def send() -> None:
        for _ in range(BODY // len(BLOCK)):
            there.sendall(BLOCK)
            sent.update(BLOCK)
        there.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    while data := there.recv(1 << 17):
        got.update(data)
        count += len(data)
    sender.join()
    return count == BODY and got.digest() == sent.digest()


def many() -> bool:
    """200 at once, each with its own words, half-closed after them."""
    connections = [socket.create_connection(THERE) for _ in range(200)]
    for number, each in enumerate(connections):
        each.sendall(b"%d" % number)
        each.shutdown(socket.SHUT_WR)
    return all(each.makefile("rb").read() == b"%d" % n for n, each in enumerate(connections))


def resets() -> bool:
    """More than the engine could keep end with a reset, and what was sent back is not read."""
    for _ in range(300):
        with socket.create_connection(THERE) as each:
            each.sendall(b"unread")
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return True


long_one = socket.create_connection(THERE)
long_one.sendall(b"a")
assert long_one.recv(1) == b"a"
facts = [great_body(), many(), resets(), many()]
long_one.sendall(b"b")
facts.append(long_one.recv(1) == b"b")
last = socket.create_connection(THERE)
last.sendall(b"parting words")
sys.stdout.write(f"{facts}\n")
