"""Sockets for one user: nobody else connects, the remains of a crash are no obstacle, and long paths work."""

import os
import socket
import stat
import threading

import pytest

from ...core.errors import HereaboutsError
from ...core.unix_socket import connected, listening


def greeted(path):
    """What somebody who connects is told."""
    with connected(path, 5.0) as connection:
        return connection.recv(10)


def served(listener):
    """Tell one visitor hello."""
    listener.setblocking(True)

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize("folder", ["short", "a" * 90 + "/" + "b" * 90])
def test_whoever_may_connect_is_connected(tmp_path, folder):
    path = tmp_path / folder / "admin.sock"
    path.parent.mkdir(parents=True)
    with listening(path) as listener:
        thread = served(listener)
        assert greeted(path) == b"hello"
        thread.join()


def test_it_is_for_its_owner_alone_from_the_beginning(tmp_path):
    before = os.umask(0)
    try:
        with listening(tmp_path / "admin.sock"):
            assert stat.S_IMODE((tmp_path / "admin.sock").stat().st_mode) == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_what_a_crash_left_is_replaced(tmp_path):
    path = tmp_path / "admin.sock"
    listening(path).close()
    assert path.is_socket()
    with listening(path) as listener:
        thread = served(listener)
        assert greeted(path) == b"hello"
        thread.join()


def test_a_server_that_answers_is_not_pushed_aside(tmp_path):
    path = tmp_path / "admin.sock"
    with listening(path), pytest.raises(HereaboutsError, match="another server listens on"):
        listening(path)


def test_a_file_of_that_name_is_left_alone(tmp_path):
    path = tmp_path / "admin.sock"
    path.write_text("precious")
    with pytest.raises(HereaboutsError, match="is in the way"):
        listening(path)
    assert path.read_text() == "precious"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(HereaboutsError, match=r"no socket can be made at .*: no such file or directory"):
        listening(tmp_path / "nowhere" / "admin.sock")


def test_nobody_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        connected(tmp_path / "admin.sock")
    listening(tmp_path / "admin.sock").close()
    with pytest.raises(ConnectionRefusedError):
        connected(tmp_path / "admin.sock")


def test_nothing_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    path = tmp_path / ("x" * 200) / "admin.sock"
    path.parent.mkdir()
    with listening(path) as listener:
        assert isinstance(listener, socket.socket)
        connected(path).close()
    assert len(os.listdir("/proc/self/fd")) == before
