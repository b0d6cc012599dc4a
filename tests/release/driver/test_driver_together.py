"""One step at all servers: what a signal does to it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from release.driver.together import together
from release.ssh import stop_on_signals


@pytest.fixture
def stoppable() -> Iterator[None]:
    """Signals as the driver takes them, and as the tests' own process had them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    stop_on_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("stoppable")
def test_a_stop_that_python_dropped_is_done_all_the_same() -> None:
    with contextlib.suppress(KeyboardInterrupt):  # as Python does with what is raised in a finalizer
        os.kill(os.getpid(), signal.SIGTERM)
    given_up = threading.Event()
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        together(lambda each: assert_told(given_up), [1], at_first_failure=given_up.set)
    together(lambda each: None, [1], at_first_failure=given_up.set)  # and done once


def assert_told(given_up: threading.Event) -> None:
    assert given_up.wait(30), "nobody was told to give up"
