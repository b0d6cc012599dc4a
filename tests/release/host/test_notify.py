"""One message for each trouble and one when it is over, to a webhook or a command, and no word of its address."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.host.notify import Troubles, Unsent, send


class Receiver(http.server.ThreadingHTTPServer):
    """Takes messages as Slack does; answers with the codes it is given, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[dict[str, str]] = []
        self.codes: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/T0/B0/hunter2"


class Taking(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code = self.server.codes.pop(0) if self.server.codes else 200
        if code == 200:
            self.server.taken.append(body)
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        return None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.host.notify.time.sleep", lambda _: None)


def troubles(root: Path, target: str) -> Troubles:
    place = root / "etc/slipway/notify"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(target + "\n")
    return Troubles(root=root, site="gallery", file=root / "srv/troubles.json")


def test_once_for_each_trouble_and_once_when_it_is_over(tmp_path: Path, receiver: Receiver) -> None:
    for text in (None, "is 6 minutes behind", "is 11 minutes behind", None, None, "is 7 minutes behind"):
        troubles(tmp_path, receiver.url).report("archive", text)
    assert [each["text"] for each in receiver.taken] == [
        "gallery: archive: is 6 minutes behind",
        "gallery: archive: is well again",
        "gallery: archive: is 7 minutes behind",
    ]


def test_what_did_not_arrive_is_told_the_next_time(tmp_path: Path, receiver: Receiver) -> None:
    receiver.codes = [503, 503, 503]
    told = troubles(tmp_path, receiver.url)
    with pytest.raises(Unsent, match=r"^notify: the webhook did not take the message \(it answered 503\)$"):
        told.report("disk", "is full")
    assert told.report("disk", "is full") == "gallery: disk: is full"
    assert len(receiver.taken) == 1


def test_a_webhook_that_stumbles_once(receiver: Receiver) -> None:
    receiver.codes = [502]
    send(receiver.url, "hello")
    assert receiver.taken == [{"text": "hello"}]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.1:1/hunter2", "notify: the webhook did not take the message (Connection refused)"),
        ("http://[hunter2/", "notify: the webhook did not take the message (it is no address)"),
        ("/nowhere/hunter2 --now", "notify: the command could not be run (FileNotFoundError)"),
        ("false hunter2", "notify: the command ended with code 1"),
        ("sh -c 'hunter2", "notify: the command could not be run (ValueError)"),
    ],
)
def test_its_address_is_in_no_error(target: str, said: str) -> None:
    with pytest.raises(Unsent) as error:
        send(target, "hello")
    assert str(error.value) == said
    assert "hunter2" not in repr(error.value)


def test_a_command_reads_the_text(tmp_path: Path) -> None:
    send(f"tee {tmp_path}/told", "gallery: disk: is full")
    assert (tmp_path / "told").read_text() == "gallery: disk: is full\n"


def test_without_a_receiver_troubles_are_kept(tmp_path: Path) -> None:
    told = Troubles(root=tmp_path, site="gallery", file=tmp_path / "troubles.json")
    told.report("disk", "is full")
    assert told.told()["disk"]["text"] == "is full"
