"""A visitor with a real browser: looks at a site, uploads a picture through its own form, sees it shown."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from rehearsal.browser import browser, ensure_browser
from rehearsal.checks import check_site
from rehearsal.picture import draw
from rehearsal.trust import authorities

_LIMIT = 40.0
_HASHED = re.compile(r"\.[0-9a-f]{8,}\.css$")
_TITLE = "Harbour at dusk"
_SHEETS = "return [...document.styleSheets].filter(s => s.href && s.cssRules.length).map(s => s.href)"
_SHOWN = "return arguments[0].complete && arguments[0].naturalWidth"


def visit_gallery(
    url: str, *, image: Path, screenshot: Path, admin: tuple[str, str], trust: Iterable[Path] = (), title: str = _TITLE
) -> dict[str, Any]:
    """Upload a picture on the front page, see it there and on its own page, then find it in a styled admin."""
    with browser(authorities=trust) as driver:
        try:
            driver.get(url)
            _find(driver, "input[name=title]").send_keys(title)
            _find(driver, "input[name=image]", visible=False).send_keys(str(image.absolute()))
            _find(driver, "form.upload button").click()
            _find(driver, ".notice")
            front = _shown(driver, ".wall .picture:first-child img")
            _photograph(driver, screenshot)
            _find(driver, ".wall .picture:first-child").click()
            whole = _shown(driver, "figure.large img")
            _log_in(driver, urljoin(url, "/admin/"), admin=admin)
            sheets = _styled(driver)
            driver.get(urljoin(url, "/admin/pictures/picture/"))
            _shown(driver, "#result_list img")
            photographs = [screenshot, _photograph(driver, _beside(screenshot, "admin"))]
        except WebDriverException as error:
            raise _seen(driver, error, screenshot) from error
    return {"front": front, "picture": whole, "admin": sheets, "screenshots": [str(file) for file in photographs]}


def visit_wagtail(
    url: str, *, image: Path, screenshot: Path, admin: tuple[str, str], trust: Iterable[Path] = (), title: str = _TITLE
) -> dict[str, Any]:
    """Look at the front page, log into Wagtail, upload an image through its own form and see it in the library."""
    with browser(authorities=trust) as driver:
        try:
            driver.get(url)
            _find(driver, "body")
            _photograph(driver, screenshot)
            _log_in(driver, urljoin(url, "/admin/"), admin=admin)
            sheets = _styled(driver)
            driver.get(urljoin(url, "/admin/images/multiple/add/"))
            _find(driver, "#fileupload", visible=False).send_keys(str(image.absolute()))
            _find(driver, "#upload-list .status-msg.success, #upload-list .status-msg.warning")
            driver.get(urljoin(url, "/admin/images/"))
            library = _shown(driver, "main .listing img")
            photographs = [screenshot, _photograph(driver, _beside(screenshot, "images"))]
        except WebDriverException as error:
            raise _seen(driver, error, screenshot) from error
    return {
        "library": library,
        "admin": sheets,
        "screenshots": [str(file) for file in photographs],
    }


def _log_in(driver: Chrome, url: str, *, admin: tuple[str, str]) -> None:
    driver.get(url)
    for name, value in zip(("username", "password"), admin, strict=True):
        _find(driver, f"input[name={name}]").send_keys(value)
    _find(driver, "form [type=submit]").click()
    WebDriverWait(driver, _LIMIT).until(
        lambda _: not driver.find_elements(By.NAME, "password"), f"{url}: should let {admin[0]} in (still asks)"
    )


def _find(driver: Chrome, selector: str, *, visible: bool = True) -> WebElement:
    def found(_: Chrome) -> WebElement | None:
        elements = driver.find_elements(By.CSS_SELECTOR, selector)
        return next((element for element in elements if element.is_displayed() or not visible), None)

    element = WebDriverWait(driver, _LIMIT).until(found, f"{driver.current_url}: should have {selector}")
    assert element is not None
    return element


def _shown(driver: Chrome, selector: str) -> dict[str, Any]:
    """Wait until the image has arrived and was decoded: its place (no signature) and its width in pixels."""
    image = _find(driver, selector)
    wait = WebDriverWait(driver, _LIMIT)
    width = wait.until(lambda _: driver.execute_script(_SHOWN, image), f"{selector}: its image should be shown")
    return {"src": (image.get_attribute("src") or "").partition("?")[0], "width": width}


def _styled(driver: Chrome) -> list[str]:
    """The page's stylesheets that were loaded and have rules: there are some, and all have hashed names."""
    own = urlsplit(driver.current_url).netloc
    wait = WebDriverWait(driver, _LIMIT)
    wait.until(lambda _: driver.execute_script(_SHEETS), f"{driver.current_url}: should load a stylesheet")
    sheets = [urlsplit(href) for href in driver.execute_script(_SHEETS)]
    plain = [sheet.path for sheet in sheets if sheet.netloc == own and not _HASHED.search(sheet.path)]
    if plain:
        raise RuntimeError(f"{driver.current_url}: stylesheets should have hashed names (got {', '.join(plain)})")
    return [sheet.path for sheet in sheets]


def _photograph(driver: Chrome, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(file))
    return file


def _beside(screenshot: Path, name: str) -> Path:
    return screenshot.with_name(f"{screenshot.stem}-{name}{screenshot.suffix}")


def _seen(driver: Chrome, error: WebDriverException, screenshot: Path) -> RuntimeError:
    """The failure with the page it happened on, photographed."""
    said = (error.msg or type(error).__name__).strip().splitlines()[0]
    try:
        photograph = _photograph(driver, _beside(screenshot, "failed"))
        return RuntimeError(f"{driver.current_url}: {said} (what it looked like: {photograph})")
    except WebDriverException:
        return RuntimeError(f"{said} (and the browser no longer answers)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rehearsal.visit", description="Look at a site as visitors do.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("install", help="install the browser from this computer's package sources where it is missing")
    for verb in ("check", "gallery", "wagtail"):
        sub = verbs.add_parser(verb)
        sub.add_argument("url")
        sub.add_argument("--ca", type=Path, action="append", help="a PEM file to trust (default: the rehearsal's)")
        sub.add_argument("--json", action="store_true", help="print one JSON line")
        if verb == "check":
            sub.add_argument("--host", nargs="*", action="extend", default=[], help="the site's names")
            continue
        sub.add_argument("--user", required=True, help="an admin; the password is read from stdin")
        sub.add_argument("--screenshot", type=Path, required=True)
        sub.add_argument("--image", type=Path, help="the picture to upload (default: one is drawn)")
    return parser.parse_args()


def main() -> int:
    """The command line: `python -m rehearsal.visit check|gallery|wagtail URL ...`."""
    arguments = _arguments()
    if arguments.verb == "install":
        ensure_browser()
        return 0
    trust = arguments.ca if arguments.ca is not None else authorities()
    if arguments.verb == "check":
        return _check(arguments, trust)
    try:
        seen = _visit(arguments, trust)
    except RuntimeError as error:
        print(f"visit: {error}", file=sys.stderr)
        return 1
    print(json.dumps(seen) if arguments.json else "\n".join(f"{name:<12} {value}" for name, value in seen.items()))
    return 0


def _check(arguments: argparse.Namespace, trust: Iterable[Path]) -> int:
    checks = check_site(arguments.url, hosts=arguments.host, authorities=trust)
    if arguments.json:
        print(json.dumps({"url": arguments.url, "checks": [vars(check) for check in checks]}))
    else:
        width = max(len(check.name) for check in checks)
        print("\n".join(f"{'✓' if check.ok else '✗'} {check.name:<{width}}  {check.seen}" for check in checks))
    return 0 if all(check.ok for check in checks) else 1


def _visit(arguments: argparse.Namespace, trust: Iterable[Path]) -> dict[str, Any]:
    visit = {"gallery": visit_gallery, "wagtail": visit_wagtail}[arguments.verb]
    admin, started = (arguments.user, sys.stdin.read().strip()), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slipway-picture-") as scratch:
        image = arguments.image or draw(Path(scratch) / "harbour-at-dusk.png")
        seen = visit(arguments.url, image=image, screenshot=arguments.screenshot, admin=admin, trust=trust)
    return {**seen, "seconds": round(time.monotonic() - started, 1)}


if __name__ == "__main__":
    sys.exit(main())
