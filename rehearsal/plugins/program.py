"""Runs a Pulumi program; started by the language host in the project's own environment, so it imports `pulumi` only."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pulumi.log
import pulumi.runtime

_REPORTED = 32


def main() -> int:
    """Connect the SDK to the engine, run the program, say how it ended."""
    options, program, arguments = _arguments()
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(_settings(options))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a failed run leaves futures behind, on purpose
    # The engine interrupts a program whose update has failed: threads that wait for its answers would never end.
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))
    sys.argv = [program, *arguments]
    try:
        _run(program, parallel=max(int(options.parallel), 1))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_users_part(error)}")
        return _REPORTED
    return 0


def _arguments() -> tuple[argparse.Namespace, str, list[str]]:
    parser = argparse.ArgumentParser()
    for flag in ("project", "stack", "organization", "root_directory", "pwd", "monitor", "engine", "dry_run"):
        parser.add_argument(f"--{flag}")
    parser.add_argument("--parallel", default="16")
    parser.add_argument("program")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    return options, options.program, options.arguments


def _settings(options: argparse.Namespace) -> pulumi.runtime.Settings:
    return pulumi.runtime.Settings(
        project=options.project,
        stack=options.stack,
        organization=options.organization,
        root_directory=options.root_directory,
        monitor=options.monitor,
        engine=options.engine,
        parallel=int(options.parallel),
        dry_run=options.dry_run == "true",
    )


def _run(program: str, *, parallel: int) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with ThreadPoolExecutor(max_workers=parallel * 4) as executor:
        loop.set_default_executor(executor)
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _program(program)))
    loop.close()


def _program(path: str) -> None:
    runpy.run_path(path, run_name="__main__")


def _users_part(error: Exception) -> str:
    """The traceback from the program's own first line on, without the machinery above it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [at for at, frame in enumerate(frames) if os.path.basename(frame.filename) == "__main__.py"]
    return "".join(traceback.format_exception(error, limit=own[0] - len(frames) if own else None))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(status)
