"""A slot is believed for what its socket answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from release.host.agent.failure import Failure, Gone
from release.host.agent.gate import STEADY, pass_gate, refuse_fallen
from release.host.agent.machine import Done
from release.host.agent.site import Site, write
from tests.release.host import driver
from tests.release.host.bench import Recorded, parsed


def gate(site: Site, machine: Recorded, answers: driver.Site, **changes: object) -> None:
    write(site.release(parsed().release) / "web.json", '{"processes": 2, "threads": 4}')
    pass_gate(site, machine, parsed(**changes), slot="green", answers=answers, heed=lambda: None)


def refusal(site: Site, machine: Recorded, answers: driver.Site, **changes: object) -> Failure:
    with pytest.raises(Failure) as refused:
        gate(site, machine, answers, **changes)
    return refused.value


def test_asks_three_times_then_the_home_page_with_the_canonical_host(site: Site, machine: Recorded) -> None:
    answers = driver.Site()
    gate(site, machine, answers)
    assert answers.asked[:4] == [
        *["gallery-green gallery.example/_slipway/ready"] * 3,
        "gallery-green gallery.example/",
    ]
    assert len(answers.asked) == 4 + 2 * 2 * 4  # every thread has been warmed


def test_waits_for_every_process(site: Site, machine: Recorded) -> None:
    for mark in site.socket("green").parent.glob("ready-*"):
        mark.unlink()
    failure = refusal(site, machine, driver.Site())
    assert failure.cause == "gate: should be ready within 5 s (got 0 of 2 processes)"


def test_a_redirecting_home_page_is_fine_and_health_is_strict(site: Site, machine: Recorded) -> None:
    gate(site, machine, driver.Site(**{"/": (302, "")}))
    answers = driver.Site(**{"/healthz": (302, "")})
    assert refusal(site, machine, answers, health="/healthz").cause == (
        "gate: GET /healthz: should answer 200 (got 302)"
    )


def test_a_page_that_takes_too_long_is_told_as_that(site: Site, machine: Recorded) -> None:
    failure = refusal(site, machine, driver.Site(**{"/healthz": TimeoutError("timed out")}), health="/healthz")
    assert failure.cause == "gate: GET /healthz: should answer 200 (got no answer in 0 s)"


def test_a_dead_unit_is_seen_at_once_with_the_last_line_of_its_traceback(site: Site, machine: Recorded) -> None:
    machine.answers["-p ActiveState"] = Done(0, "ActiveState=activating\nNRestarts=1\nResult=exit-code\n")
    machine.answers["journalctl"] = Done(
        0, "Traceback (most recent call last):\n  File x\nImportError: no\n[INFO] Worker exiting\n"
    )
    failure = refusal(site, machine, driver.Site(**{"/_slipway/ready": OSError("refused")}))
    assert failure.cause == "gate: ImportError: no (gallery-web@green.service does not stay up (exit-code))"
    assert machine.clock == 0


def test_never_ready_says_what_it_last_said(site: Site, machine: Recorded) -> None:
    answers = driver.Site(**{"/_slipway/ready": (503, '{"reason": "database"}')})
    failure = refusal(site, machine, answers)
    assert failure.cause == 'gate: should be ready within 5 s (got /_slipway/ready: 503 {"reason": "database"})'


def test_a_worker_that_has_died_fails_the_gate(site: Site, machine: Recorded) -> None:
    machine.answers = {
        "gallery-worker@green-mail": Done(0, "ActiveState=failed\nNRestarts=0\nResult=exit-code\n"),
        **machine.answers,
    }
    failure = refusal(site, machine, driver.Site(), workers={"mail": "work"})
    assert failure.cause.startswith("gate: gallery-worker@green-mail.service does not stay up")


def test_a_worker_whose_command_is_not_there_is_told_in_manages_words(site: Site, machine: Recorded) -> None:
    machine.answers = {
        "gallery-worker@green-mail": Done(0, "ActiveState=failed\nNRestarts=0\nResult=exit-code\n"),
        "journalctl": Done(0, "Unknown command: 'wrok'. Did you mean work?\nType 'manage.py help' for usage.\n"),
        **machine.answers,
    }
    failure = refusal(site, machine, driver.Site(), workers={"mail": "wrok"})
    assert failure.cause.startswith(
        "gate: Unknown command: 'wrok'. Did you mean work? (gallery-worker@green-mail.service"
    )


def test_a_worker_is_believed_when_it_has_run_for_a_while(site: Site, machine: Recorded) -> None:
    gate(site, machine, driver.Site(), workers={"mail": "work"})
    assert machine.clock >= STEADY
    machine.answers = {
        "gallery-worker@green-mail": Done(
            0, "ActiveState=active\nNRestarts=0\nResult=success\nActiveEnterTimestampMonotonic=90000000\n"
        ),
        **machine.answers,
    }
    machine.clock = 90 + STEADY  # it has run long enough while its web was waited for
    gate(site, machine, driver.Site(), workers={"mail": "work"})
    assert machine.clock == 90 + STEADY


@pytest.mark.parametrize("fallen", ["NRestarts=1\nResult=success", "NRestarts=0\nResult=exit-code"])
def test_a_worker_that_falls_while_it_is_watched_fails_the_gate_with_its_words(
    site: Site, machine: Recorded, fallen: str
) -> None:
    def seen(_: Sequence[str]) -> Done:
        told = fallen if machine.clock > 1 else "NRestarts=0\nResult=success"
        return Done(0, f"ActiveState=active\n{told}\n")

    words = Done(0, "Traceback (most recent call last):\n  File x\nKeyError: 'QUEUE'\n")
    machine.answers = {
        "-p ActiveState -p NRestarts -p Result -p ActiveEnterTimestampMonotonic gallery-worker@green-mail": seen,
        "journalctl": words,
        **machine.answers,
    }
    failure = refusal(site, machine, driver.Site(), workers={"mail": "work"})
    assert failure.cause.startswith("gate: KeyError: 'QUEUE' (gallery-worker@green-mail.service does not stay up")
    assert failure.detail[-1] == "KeyError: 'QUEUE'"


def test_workers_are_looked_at_once_more_before_the_flip(site: Site, machine: Recorded) -> None:
    document = parsed(workers={"mail": "work"})
    refuse_fallen(site, machine, document, slot="green")
    machine.answers["-p ActiveState"] = Done(0, "ActiveState=activating\nNRestarts=3\nResult=exit-code\n")
    with pytest.raises(Failure, match=r"gallery-worker@green-mail\.service does not stay up"):
        refuse_fallen(site, machine, document, slot="green")


def test_a_driver_that_goes_ends_the_wait(site: Site, machine: Recorded) -> None:
    def gone() -> None:
        raise Gone("the driver hung up")

    write(site.release(parsed().release) / "web.json", '{"processes": 2, "threads": 4}')
    with pytest.raises(Gone):
        pass_gate(site, machine, parsed(), slot="green", answers=driver.Site(), heed=gone)
