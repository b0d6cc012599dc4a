"""Starts one stand-in: `python -I start.py NAME ENGINE-ADDRESS`.

Run isolated, so that neither the caller's PYTHONPATH nor the program's own modules (it may well have a `random.py`)
reach a plugin, and nothing of the plugin's reaches the commands it runs.
"""

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import_module(f"rehearsal.plugins.{sys.argv.pop(1)}").main()
