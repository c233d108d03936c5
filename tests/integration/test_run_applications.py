"""The web applications that `run` starts when somebody connects: what goes wrong with them leaves `run` alone."""

import socket
import sys
import time

import pytest

from truckstream.cli.apps import HOST, ChildApplication
from truckstream.http.serving import listen


@pytest.mark.parametrize(
    ("python", "said"),
    [("/nonexistent/python", "it cannot be started (No such file or directory)"), ("", "it ended 3 times at once")],
)
def test_an_application_that_does_not_come_up_is_told_once_and_its_address_refuses(
    python: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", python or sys.executable)
    listener = listen(HOST, 0)
    address = listener.getsockname()
    child = ChildApplication(["no-such-command"], listener)
    deadline = time.monotonic() + 60
    with socket.create_connection(address, timeout=5):
        while listener.fileno() != -1:
            child.attend()
            time.sleep(0.02)
            assert time.monotonic() < deadline
        child.attend()
    child.close()
    assert capsys.readouterr().err == f"warning: http://{HOST}:{address[1]} does not work: {said}\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
