"""A timer's time is refused here exactly when systemd refuses it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from settings.calendar_times import is_calendar_time, meant_by_cron

# fmt: off
TAKEN = (
    "hourly", "daily", "Daily", "weekly", "minutely", "quarterly", "yearly", "*-*-* 03:00", "*-*-* 03:00:00", "03:00",
    "Mon 09:00", "Mon..Fri 09:00", "Mon,Wed 10:00", "monday", "Mon-Fri", "Sat,Sun 2024-*-01", "*:0/15", "*:*:0/30",
    "2024-02-30", "*-*~1", "Mon *-05~07/1", "12-24 18:00", "2026-01-01 00:00 UTC", "00:00/15", "0:0",
    "2026-01-01 00:00 Europe/Berlin", "*-*-* *:00,30", "*-*-1..7 18:00", "*-*-*", "08..17:00", "*-*-31", "0/2:00",
    "tuesday 4:5", "fri,", "daily UTC", "99-01-01", "*-1-1,15 12:00", "Mon  03:00",
)
REFUSED = (
    "3am", "daily at 3", "0 3 * * *", "*/5 * * * *", "25:00", "12:60", "every 5 minutes", "5min", "*-13-01", "*", "",
    "midnight", "noon", "17..08:00", "*-*-* 3:00pm", "Mo 09:00", "@daily", "@reboot", "1d", "*-*-* 03", "03:00:61",
    "..:00", "*-*-*~3", "Thurs 10:00", "Tues 10:00", "2300-01-01", "03.00",
)
# fmt: on


def test_what_a_timer_takes() -> None:
    assert [text for text in TAKEN if not is_calendar_time(text)] == []
    assert [text for text in REFUSED if is_calendar_time(text)] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_says_the_same() -> None:
    command = ["systemd-analyze", "calendar", "--", *TAKEN, *REFUSED]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()
    assert [line.split("'")[1] for line in said if "Failed to parse" in line] == list(REFUSED)


def test_a_line_of_cron_is_translated() -> None:
    lines = {"0 3 * * *": "*-*-* 03:00", "*/5 * * * *": "*-*-* *:0/5", "30 4 1 * *": "*-*-01 04:30"}
    assert {line: meant_by_cron(line) for line in lines} == lines
    assert all(map(is_calendar_time, lines.values()))
    assert meant_by_cron("0 3 * * mon") == meant_by_cron("hourly") == ""
