"""A stand-in for `sudo -n`: runs the command, with the story's agent in the place of the delivered one."""

from __future__ import annotations

import os
import sys

words = sys.argv[1:]
assert words[0] == "-n", words
if words[1] == "python3" and words[2].endswith(".pyz"):
    assert os.path.isfile(words[2]), words
    python, agent = os.environ["FAKE_PYTHON"], os.environ["FAKE_AGENT"]
    os.execv(python, [python, agent, *words[2:]])
if words[1] == "python3":
    words[1] = sys.executable
os.execvp(words[1], words[1:])
