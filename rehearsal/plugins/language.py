"""Stand-in for pulumi-language-python: runs the program with the Python of the project's own virtual environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal.plugins import protocol
from rehearsal.plugins.protos import Empty, MessageToDict, grpc, language_pb2, language_pb2_grpc, plugin_pb2

_REPORTED = 32  # the program's exit code for a failure that it has told the engine about itself
_GRACE = 5.0
_RUNNER = Path(__file__).with_name("program.py")


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """The language protocol, as far as the commands of a rehearsal use it."""

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        # Every registration names its plugin by itself; what is asked for here is what a CLI would download first.
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        text = f"{_python(request.info)} is used as it is: the stand-in language host installs nothing\n"
        yield language_pb2.InstallDependenciesResponse(stdout=text.encode())

    def About(self, request: Any, context: Any) -> Any:
        python = _python(request.info)
        told = subprocess.run([python, "--version"], capture_output=True, text=True, check=False).stdout
        return language_pb2.AboutResponse(executable=str(python), version=told.removeprefix("Python ").strip())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version) for name, version in _installed(request.info)
            ]
        )

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "RunPlugin: the stand-in language host runs programs only")
        yield language_pb2.RunPluginResponse()

    def Run(self, request: Any, context: Any) -> Any:
        python = _python(request.info)
        if not python.exists():
            return language_pb2.RunResponse(error=f"{python}: is missing, make the environment with make setup")
        process = subprocess.Popen(
            _command(python, request), env=_environment(python, request), cwd=request.pwd or None
        )
        context.add_callback(lambda: _interrupt(process))
        status = process.wait()
        if status in (0, _REPORTED):
            return language_pb2.RunResponse(bail=status == _REPORTED)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {status}")

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()


def _command(python: Path, request: Any) -> list[str]:
    directory, entry = request.info.program_directory, request.info.entry_point or "."
    flags = {
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization,
        "root_directory": request.info.root_directory,
        "pwd": request.pwd,
        "monitor": request.monitor_address,
        "engine": protocol.engine_address() or "",
        "parallel": str(request.parallel),
        "dry_run": "true" if request.dryRun else "false",
    }
    # -P: this directory has a random.py, which must not come before the standard library's.
    program = request.program or os.path.join(directory, entry)
    return [str(python), "-u", "-P", str(_RUNNER), *(f"--{k}={v}" for k, v in flags.items()), program, *request.args]


def _environment(python: Path, request: Any) -> dict[str, str]:
    """The caller's environment inside the project's virtual environment, with the stack's configuration."""
    environment = {
        **os.environ,
        "VIRTUAL_ENV": str(python.parents[1]),
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }
    environment.pop("PYTHONHOME", None)
    return environment


def _python(info: Any) -> Path:
    """The interpreter: of the `virtualenv` option, seen from the project's root or the program's directory."""
    root, program = Path(info.root_directory), Path(info.program_directory)
    chosen = str(MessageToDict(info.options).get("virtualenv") or "")
    places = [root / chosen, program / chosen] if chosen else [program / ".venv", root / ".venv"]
    pythons = [Path(os.path.abspath(place / "bin" / "python")) for place in places]
    return next((python for python in pythons if python.exists()), pythons[0])


def _installed(info: Any) -> list[tuple[str, str]]:
    """What lies in the environment, read from the directory: no pip, which takes half a second."""
    found = _python(info).parents[1].glob("lib/python3.*/site-packages/*.dist-info")
    pairs = (path.name.removesuffix(".dist-info").partition("-") for path in found)
    return sorted((name.replace("_", "-"), version) for name, _, version in pairs)


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """The engine gave up on the program: ask it to stop, then make it."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def main() -> None:
    """Serve the engine."""
    protocol.serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(), server))


if __name__ == "__main__":
    main()
