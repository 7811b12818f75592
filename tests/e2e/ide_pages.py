"""What a person does in the two IDEs, done by a real browser. Each step waits for what the page shows."""

from tests.support.browser_driver import Browser
from tests.support.waiting import wait_until

PAGE_SECONDS = 90.0  # software rendering on two busy cores


def open_notebook(browser: Browser, url: str) -> None:
    """Follow the address that the app opened, and start a notebook from JupyterLab's launcher."""
    browser.open(url)
    browser.click('.jp-LauncherCard[data-category="Notebook"]', PAGE_SECONDS)
    browser.wait_for("!!document.querySelector('.jp-Notebook .jp-Cell .cm-content')", PAGE_SECONDS)
    browser.wait_for(
        '!!document.querySelector(\'.jp-Notebook-ExecutionIndicator[data-status="idle"],'
        ' .jp-Toolbar-kernelStatus[data-status="idle"]\')',
        PAGE_SECONDS,
    )


def run_cell(browser: Browser, code: str) -> str:
    """Type ``code`` into the notebook's last cell, run it and return the text that it prints.

    JupyterLab takes the focus away, and forgets a run, while it still builds the page or connects its kernel, and after
    a break it says so in a dialog; so, as a person would, look whether it took the step and do it again if it did not.
    """
    number = int(browser.evaluate(f"{_CELLS}.length")) - 1
    cell = f"{_CELLS}[{number}]"

    def ran() -> bool:
        if browser.evaluate(f"/[0-9]/.test({cell}.querySelector('.jp-InputPrompt').innerText)"):
            return True
        if browser.evaluate(f"{cell}.querySelector('.jp-InputPrompt').innerText.includes('*')"):
            return False
        browser.evaluate("document.querySelectorAll('.jp-Dialog .jp-Dialog-button').forEach(b => b.click())")
        browser.evaluate(f"{cell}.querySelector('.cm-content').focus()")
        if not browser.evaluate(f"{cell}.contains(document.activeElement)"):
            return False
        if code not in str(browser.evaluate(f"{cell}.querySelector('.cm-content').innerText")):
            browser.type_text(code)
        browser.press("shift+Enter")
        return False

    wait_until(ran, "the cell to run", PAGE_SECONDS, poll=1.0)
    output = f"{cell}.querySelector('.jp-OutputArea-output')"
    return str(browser.wait_for(f"{output} && {output}.innerText", PAGE_SECONDS)).strip()


_CELLS = "document.querySelectorAll('.jp-Notebook .jp-CodeCell')"


def open_workbench(browser: Browser, url: str) -> None:
    """Follow the address that the app opened until VS Code shows its explorer."""
    browser.open(url)
    browser.wait_for("!!document.querySelector('.monaco-workbench .part.activitybar')", PAGE_SECONDS)
    browser.wait_for("!!document.querySelector('.monaco-workbench .part.sidebar')", PAGE_SECONDS)
