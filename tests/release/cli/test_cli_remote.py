"""`slipway manage|shell|logs`: every word arrives as it is, stdin, terminal and exit code are the command's."""

from __future__ import annotations

import json
import os
import pty
import subprocess

import pytest

from tests.release.cli.desk import Desk

pytestmark = pytest.mark.whole

AGENT = ["-n", "python3", "/usr/local/bin/slipway-agent"]


@pytest.mark.parametrize(
    "words",
    [
        ["createsuperuser", "--noinput", "--email", "a b@example.org"],
        ["--help"],
        ["shell", "-c", "print('it\\'s', \"$HOME\")"],
        ["dumpdata", "--", "-x", "--", ""],
        ["a\nb", "*", "~", "`id`", "$(id)", "\\", "é", "-C"],
        [],
    ],
)
def test_manage_passes_every_word(desk: Desk, words: list[str]) -> None:
    assert desk.run("manage", "staging", *words).code == 0
    (call,) = desk.calls()
    assert call["words"] == [*AGENT, "manage", "--site", "slipway", "--", *words]


def test_manage_help_of_its_own(desk: Desk) -> None:
    assert "usage: slipway manage STACK ARGS..." in desk.run("manage", "--help").out
    assert desk.calls() == []


def test_the_exit_code_and_both_streams_are_the_commands(desk: Desk) -> None:
    desk.answer(stdout="out\n", stderr="err\n", code=3)
    ended = desk.run("manage", "staging", "check")
    assert (ended.code, ended.out, ended.err) == (3, "out\n", "err\n")


def test_shell_takes_a_script_on_stdin(desk: Desk) -> None:
    assert desk.run("shell", "staging", stdin="print(1)\n").code == 0
    (call,) = desk.calls()
    assert call["words"][3:] == ["manage", "--site", "slipway", "--", "shell"]
    assert call["stdin"] == "print(1)\n"
    assert "-T" in call["argv"]


def test_a_terminal_is_one_there_too(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        desk.argv("shell", "staging"), cwd=desk.project, env=desk.environment(), stdin=theirs, stdout=theirs
    )
    os.close(theirs)
    assert process.wait(timeout=20) == 0
    os.close(ours)
    assert "-t" in desk.calls()[0]["argv"]


def test_a_redirected_dump_gets_no_terminal(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    argv = desk.argv("manage", "staging", "dumpdata")
    subprocess.check_output(argv, cwd=desk.project, env=desk.environment(), stdin=theirs, timeout=20)
    os.close(ours)
    os.close(theirs)
    assert "-T" in desk.calls()[0]["argv"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["staging"], ["-n", "100"]),
        (["staging", "-n", "5", "-f"], ["-n", "5", "-f"]),
        (["-f", "staging", "--since", "10 min ago"], ["-n", "100", "-f", "--since", "10 min ago"]),
    ],
)
def test_logs(desk: Desk, given: list[str], sent: list[str]) -> None:
    desk.run("logs", *given)
    assert desk.calls()[0]["words"][3:] == ["logs", "--site", "slipway", *sent]


def test_the_host_key_is_pinned_and_the_key_goes(desk: Desk) -> None:
    desk.run("logs", "staging")
    argv = desk.calls()[0]["argv"]
    assert {"StrictHostKeyChecking=yes", "HostKeyAlias=web-1", "IdentityAgent=none"} <= set(argv)
    assert not os.path.exists(argv[argv.index("-i") + 1])


def test_open_prints_the_url_and_starts_the_browser(desk: Desk) -> None:
    browser = desk.root / "bin" / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {desk.root}/opened\n')
    browser.chmod(0o755)
    ended = desk.run("open", "staging", BROWSER=str(browser))
    url = f"https://localhost:{desk.port}"
    assert (ended.code, ended.out) == (0, url + "\n")
    assert (desk.root / "opened").read_text() == url + "\n"


def test_no_secret_is_in_any_command_line(desk: Desk) -> None:
    desk.run("logs", "staging")
    assert "BEGIN OPENSSH" not in json.dumps(desk.calls()) + json.dumps(desk.pulumi_calls())
