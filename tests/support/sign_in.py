"""Signing in to JupyterLab as the person's browser does, by the page that ``sessiondock open`` serves. Any thread."""

import re

import httpx


def jupyter_through(page: str) -> tuple[httpx.Client, str]:
    """A browser that follows the login page: a signed-in client, and the token that it was given."""
    client = httpx.Client(trust_env=False, follow_redirects=True, timeout=20)
    html = client.get(page).text
    action, token = re.findall(r'action="([^"]+)"', html)[0], re.findall(r'value="([^"]+)"', html)[0]
    answer = client.get(action, params={"token": token})
    assert answer.status_code == 200 and "JupyterLab" in answer.text
    return client, token
