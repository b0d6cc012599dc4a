"""One step at all servers: what a signal does to it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from release.driver.together import together
from release.ssh import heeded, stop_on_signals


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


@pytest.mark.usefixtures("stoppable")
def test_a_stop_takes_no_ending_with_it() -> None:
    """The signal may come just as the main thread is told that the work has ended."""
    for late in range(400):
        rescue = threading.Timer(5, os.kill, [os.getpid(), signal.SIGTERM])  # a second one ends any wait
        rescue.start()
        with pytest.raises(KeyboardInterrupt):
            ended_and_stopped(late * 1e-6)
        assert rescue.is_alive(), "it waited for an ending that was lost"
        rescue.cancel()
        heeded()


def ended_and_stopped(late: float) -> None:
    """Work that ends, and a signal so many seconds later."""

    def stop() -> None:
        due = time.perf_counter() + late
        while time.perf_counter() < due:
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    together(lambda _: threading.Thread(target=stop).start(), [1], at_first_failure=lambda: None)
    time.sleep(5)  # where it comes after the end
