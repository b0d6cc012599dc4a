"""A package index on this computer that lets in only who knows the password, and what it gives."""

from __future__ import annotations

import base64
import shutil
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.release.build.projects import commit, git, write

USER, PASSWORD = "builder", "canary-of-the-index"
NAME = "privatething"

BUILT = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
BACKEND = """\
import zipfile

FILES = {
    "METADATA": "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1.0\\n",
    "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}


def build_wheel(directory, settings=None, metadata=None):
    name = "NAME-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as archive:
        archive.write("NAME.py")
        for file, content in FILES.items():
            archive.writestr(f"NAME-1.0.dist-info/{file}", content)
    return name


build_editable = build_wheel
"""


@dataclass
class PrivateIndex:
    """Where it answers, and which requests it let in."""

    port: int
    served: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    @property
    def url_with_password(self) -> str:
        return self.url.replace("://", f"://{USER}:{PASSWORD}@")


def wheel(directory: Path, name: str = NAME) -> Path:
    """A package of one module, the same bytes every time."""
    directory.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "HERE = True\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    file = directory / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return file


def package(directory: Path, name: str, *, content: str = "", needs: str = "") -> Path:
    """The sources of a package that builds without fetching anything."""
    stated = f"[project]\nname = '{name}'\nversion = '1.0'\ndependencies = [{needs}]\n{BUILT}"
    return write(
        directory, {"pyproject.toml": stated, "backend.py": BACKEND.replace("NAME", name), f"{name}.py": content}
    )


def repository(directory: Path, name: str = "gitthing") -> Path:
    """A package in a git repository, bare, as a host that only knows files would serve it."""
    commit(package(directory / "work", name))
    git(directory, "clone", "-q", "--bare", "work", f"{name}.git")
    shutil.rmtree(directory / "work")
    git(directory / f"{name}.git", "update-server-info")
    return directory / f"{name}.git"


@contextmanager
def private_index(directory: Path) -> Iterator[PrivateIndex]:
    """Serve one wheel, and the repositories in the directory, for as long as the test runs."""
    content, index = wheel(directory).read_bytes(), PrivateIndex(port=0)
    word = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<a href="/files/{NAME}-1.0-py3-none-any.whl">{NAME}-1.0-py3-none-any.whl</a>'.encode()
            file = directory / self.path.split("?")[0].removeprefix("/git/")
            known = {self.path: file.read_bytes()} if self.path.startswith("/git/") and file.is_file() else {}
            known |= {f"/simple/{NAME}/": page, f"/files/{NAME}-1.0-py3-none-any.whl": content}
            if self.headers.get("Authorization") != word:
                self._answer(401, b"")
            else:
                index.served.append(self.path)
                self._answer(200 if self.path in known else 404, known.get(self.path, b""))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        index.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
