"""What a person does in the two IDEs, done by a real browser. Each step waits for what the page shows."""

import json
from pathlib import Path

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


_WORKBENCH = "['activitybar', 'sidebar'].every(part => document.querySelector(`.monaco-workbench .part.${part}`))"


def open_workbench(browser: Browser, url: str) -> None:
    """Follow the address that the app opened until VS Code shows its explorer."""
    browser.open(url)
    browser.wait_for(_WORKBENCH, PAGE_SECONDS)


# ---- VS Code by keyboard ----

_INPUT = "document.querySelector('.quick-input-widget:not([style*=\"display: none\"]) input')"
_ROWS = "[...document.querySelectorAll('.quick-input-list .monaco-list-row .label-name')]"
_DIALOG = "document.querySelector('.monaco-dialog-box')"


def run_command(browser: Browser, title: str) -> None:
    """Choose ``title`` in the command palette, as soon as VS Code offers it: an extension adds its commands late."""

    def offered() -> bool:
        if not browser.evaluate(f"!!{_INPUT} && {_INPUT}.value.startsWith('>')"):
            browser.press("F1")
            return False
        if browser.evaluate(f"{_INPUT}.value") != ">" + title:
            browser.type_text(title)
            return False
        if browser.evaluate(f"{_ROWS}[0]?.innerText") == title:
            return True
        browser.press("Escape")  # the list that was made before the command was there stays as it is
        return False

    wait_until(offered, f"the command {title}", PAGE_SECONDS, poll=0.5)
    browser.press("Enter")


def question(browser: Browser) -> str:
    """What VS Code's input at the top of the page asks for right now; empty when it asks for nothing."""
    return str(browser.evaluate(f"{_INPUT} ? {_INPUT}.placeholder + ' ' + {_INPUT}.value : ''")).strip()


def clone(browser: Browser, address: str, into: str) -> None:
    """``Git: Clone`` into the folder that VS Code proposes, which must be ``into``; open what was cloned."""
    run_command(browser, "Git: Clone")
    browser.wait_for(f"{_INPUT}?.placeholder.includes('URL')")
    browser.type_text(address)
    browser.wait_for(f"{_ROWS}[0]?.innerText.includes('URL')")
    browser.press("Enter")
    browser.wait_for(f"{_INPUT}?.value.replace(/[/]$/, '') === {json.dumps(into)}")
    browser.press("Enter")
    browser.wait_for(f"{_DIALOG}?.innerText.includes('open the repository')")
    browser.press("Enter")
    folder = json.dumps("/" + address.rpartition("/")[2].removesuffix(".git"))
    browser.wait_for(f"location.search.endsWith({folder}) && {_WORKBENCH}", PAGE_SECONDS)
    browser.wait_for("!!document.querySelector('.statusbar-item [class*=\"codicon-git-branch\"]')", PAGE_SECONDS)


def commit_everything(browser: Browser, message: str, repository: Path) -> None:
    """``Git: Commit All``: git asks VS Code for the message, in an editor."""
    run_command(browser, "Git: Refresh")  # it may have missed a file that another program wrote just now
    browser.wait_for("[...document.querySelectorAll('.statusbar-item')].some(item => /[*+]$/.test(item.innerText))")
    run_command(browser, "Git: Commit All")
    browser.wait_for("!!document.querySelector('.tab.active[data-resource-name=\"COMMIT_EDITMSG\"]')")
    browser.wait_for("!!document.activeElement.closest('.monaco-editor')")
    browser.type_text(message)
    draft = repository / ".git" / "COMMIT_EDITMSG"
    wait_until(lambda: message in draft.read_text(), "VS Code to save the message by itself", PAGE_SECONDS)
    browser.click('.action-label[aria-label="Commit"]')
