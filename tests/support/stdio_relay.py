"""A ProxyCommand: standard input and output of this program are the connection to ``host port``."""

import os
import socket
import sys
import threading


def main() -> None:
    far = socket.create_connection((sys.argv[1], int(sys.argv[2])))

    def back() -> None:
        while data := far.recv(65536):
            os.write(1, data)
        os._exit(0)

    threading.Thread(target=back, daemon=True).start()
    while data := os.read(0, 65536):
        far.sendall(data)


if __name__ == "__main__":
    main()
