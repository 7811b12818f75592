"""A notebook cell without a browser: Jupyter's protocol over a WebSocket, as its page speaks it. Any thread."""

import contextlib
import json
import time
import urllib.request
import uuid
from typing import Any

import websocket


def run_cell(address: str, token: str, code: str) -> str:
    """What ``code`` prints in a new kernel of the JupyterLab at ``address``, "127.0.0.1:port"."""
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}/api/kernels", b'{"name": "python3"}', headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        kernel = json.loads(answer.read())["id"]
    url = f"ws://{address}/api/kernels/{kernel}/channels"
    socket = websocket.create_connection(url, timeout=60, header=[f"Authorization: token {token}"])
    with contextlib.closing(socket):
        wait_for_kernel(socket)
        return output_of(socket, code)


def send(socket: websocket.WebSocket, kind: str, content: dict[str, Any]) -> str:
    """Send one message of Jupyter's protocol on the shell channel; returns its id."""
    header = {"msg_id": uuid.uuid4().hex, "username": "", "session": uuid.uuid4().hex, "version": "5.3"}
    message = {"header": {**header, "msg_type": kind}, "parent_header": {}, "metadata": {}}
    socket.send(json.dumps({**message, "channel": "shell", "content": content}))
    return header["msg_id"]


def wait_for_kernel(socket: websocket.WebSocket) -> None:
    """Until the kernel answers and its output arrives, as JupyterLab waits: what is sent before the server has
    connected its channels to the kernel is dropped without a word."""
    socket.settimeout(2)
    seen: set[str] = set()
    for _ in range(30):
        send(socket, "kernel_info_request", {})
        while True:
            try:
                got = json.loads(socket.recv())
            except websocket.WebSocketTimeoutException:
                break  # ask again
            seen.add(got["channel"])
            if {"shell", "iopub"} <= seen:
                socket.settimeout(60)
                return
    raise AssertionError("the kernel did not answer")


def output_of(socket: websocket.WebSocket, code: str) -> str:
    """Run the code; what it printed."""
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    asked = send(socket, "execute_request", content)
    printed = ""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        got = json.loads(socket.recv())
        if got["parent_header"].get("msg_id") != asked:
            continue
        if got["msg_type"] == "stream":
            printed += got["content"]["text"]
        assert got["msg_type"] != "error", got["content"]
        if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
            return printed
    raise AssertionError("the cell did not end")
