"""Another container on the engine's network: says hello on two TCP ports, and on one UDP port."""

import socket
import threading


def tcp(port: int) -> None:
    """Greet whoever connects."""
    with socket.create_server(("", port)) as listener:
        while True:
            with listener.accept()[0] as each:
                each.sendall(b"hello")


def udp(port: int) -> None:
    """Greet whoever sends something."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
        each.bind(("", port))
        while True:
            each.sendto(b"hello", each.recvfrom(512)[1])


threading.Thread(target=udp, args=(7000,)).start()
threading.Thread(target=tcp, args=(7001,)).start()
tcp(7000)
