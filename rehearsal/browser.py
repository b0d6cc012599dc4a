"""Debian's Chromium, driven as a person would use it, trusting the rehearsal's certificate authorities for real."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
CERTUTIL = Path("/usr/bin/certutil")
# Authorities a distribution ships one by one; Chromium knows its own list of these already.
SHIPPED = Path("/usr/share/ca-certificates")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium's sandbox refuses root, and network namespaces need root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--window-size=1280,1100",
)


def ensure_browser() -> None:
    """Install Chromium, its driver and certutil from the host's package sources where they are missing."""
    if all(program.exists() for program in (CHROMIUM, CHROMEDRIVER, CERTUTIL)):
        return
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["chromium", "chromium-driver", "libnss3-tools"]
    for command in ([*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"browser: {' '.join(command)}: exit status {done.returncode}\n{done.stderr[-2000:]}")


@contextmanager
def browser(*, authorities: Iterable[Path] = ()) -> Iterator[webdriver.Chrome]:
    """A browser with a new, empty home that trusts `authorities` (PEM files) besides its own list."""
    home = Path(tempfile.mkdtemp(prefix="slipway-browser-"))
    try:
        _trust(authorities, home=home)
        driver = _start(home)
        try:
            yield driver
        finally:
            driver.quit()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _start(home: Path) -> webdriver.Chrome:
    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={home / 'profile'}"):
        options.add_argument(flag)
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / ".local/share"), "NO_PROXY": "*"}
    service = Service(executable_path=str(CHROMEDRIVER), env=environment, log_output=subprocess.DEVNULL)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(60)
    return driver


def _trust(authorities: Iterable[Path], *, home: Path) -> None:
    """Put the authorities into the NSS database Chromium reads from its user's home (the old place and the new)."""
    certificates = new_certificates(authorities)
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    _certutil("-N", "--empty-password", database=database)
    for number, pem in enumerate(certificates):
        _certutil("-A", "-n", f"rehearsal-{number}", "-t", "C,,", database=database, input=pem)
    shutil.copytree(database, home / ".local/share/pki/nssdb")


def new_certificates(files: Iterable[Path]) -> list[str]:
    """The certificates of these PEM files that the distribution does not ship, each once."""
    shipped = {_der(pem) for file in SHIPPED.rglob("*.crt") for pem in _PEM.findall(file.read_text())}
    found = {_der(pem): pem for file in files for pem in _PEM.findall(file.read_text())}
    return [pem for der, pem in found.items() if der not in shipped]


def _der(pem: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.strip())


def _certutil(*arguments: str, database: Path, input: str = "") -> None:
    command = [str(CERTUTIL), *arguments, "-d", f"sql:{database}"]
    done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"browser: {' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
