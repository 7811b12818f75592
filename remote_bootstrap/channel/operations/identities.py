"""The user's own identities in the session: git logins and settings, the ClearML API key. Each request's own thread.

They come over the control channel, never by way of the task. Nothing of them is logged.
"""

from typing import Any, Dict

from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.contract.git import GitLogin
from remote_bootstrap.machine import git
from remote_bootstrap.machine.folders import write_private
from remote_bootstrap.steps import identities


def git_deliver(host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Replace the delivered git logins and settings.

    {"logins": [{protocol, host, username, password, path}], "settings": {name: value}}
    """
    listed, settings = args.get("logins"), args.get("settings")
    if not isinstance(listed, list) or not isinstance(settings, dict):
        raise OperationError("The git logins could not be read.")
    try:
        logins = [GitLogin.from_json(one) for one in listed]
    except ValueError as error:
        raise OperationError("The git logins could not be read: %s." % error) from error
    home = host.context.home
    host.context.git.replace(logins)
    write_private(
        home / "git-settings", git.settings_text(settings, host.context.programs / git.HELPER if logins else None)
    )
    host.log("git logins arrived for %d hosts" % len({login.host for login in logins}))
    return {"logins": len(logins)}


def git_ask(host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Return the login for {protocol, host, path, username} as git names them; {} when there is no login that fits."""
    login = host.context.git.find({str(name): str(value) for name, value in args.items()})
    return {"username": login.username, "password": login.password} if login else {}


def clearml_deliver(host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Write the user's key {"access_key", "secret_key"}; empty ones take it away again."""
    access_key, secret_key = args.get("access_key"), args.get("secret_key")
    if not isinstance(access_key, str) or not isinstance(secret_key, str):
        raise OperationError("The ClearML key could not be read.")
    identities.write_clearml(host.context, access_key, secret_key)
    host.log("the user's ClearML key %s" % ("arrived" if access_key else "was taken away"))
    return {}
