"""Our own ssh config file, as text: one Host entry per session. Pure; any thread.

The first value that ssh finds for a keyword counts, and our file is included at the top of the user's: so an entry sets
everything that a "Host *" of the user could break (a proxy, a shared connection, another key).

An entry leads to the session's local port and the session's agent. Whether that agent is there is asked first, cheaply
(``ssh-add -l``, some milliseconds); when it isn't, ssh gets ``sessiondock ssh-proxy`` for a connection, which says in a
sentence what to do. The order matters for programs that read the file without knowing Match: what they make of it still
works, since ssh-proxy is a real connection too.
"""

import shlex
from collections.abc import Callable, Iterable, Sequence

from desktop_app.adapters.ssh.client.files import ClientFiles, forward_options, session_options
from desktop_app.adapters.ssh.keys import KEY_TYPE
from desktop_app.domain.access.ssh_alias import Alias

HEAD = (
    "# Written by SessionDock; changes are overwritten. Each session that was attached on this computer has an entry.\n"
)
# Keeps a program that pastes included files from counting the user's next lines to our last entry.
FOOT = "Host *\n"
_FIXED = {
    "HostName": "127.0.0.1",
    "AddressFamily": "any",
    "CanonicalizeHostname": "no",
    "ControlMaster": "no",
    "ControlPath": "none",
    "PubkeyAuthentication": "yes",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "auto",
    "ForwardX11": "no",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "3",
    # Under its older name, which every ssh knows: one that knew no newer word would refuse the whole file.
    "PubkeyAcceptedKeyTypes": KEY_TYPE.decode(),
    # "+": the program's own list, whatever "Host *" narrows it to.
    "Ciphers": "+aes128-ctr",
    "MACs": "+hmac-sha2-256",
    "KexAlgorithms": "+ecdh-sha2-nistp256",
    "BindAddress": "127.0.0.1",
    "NoHostAuthenticationForLocalhost": "no",
    "CheckHostIP": "no",
    "VerifyHostKeyDNS": "no",
    "RevokedHostKeys": "none",
    "PKCS11Provider": "none",
    "AddKeysToAgent": "no",
    "ProxyUseFdpass": "no",
    "ControlPersist": "no",
    "ExitOnForwardFailure": "no",
    "Tunnel": "no",
    "Compression": "no",
}


def render(aliases: Sequence[Alias], files: Callable[[Alias], ClientFiles], proxy: Sequence[str], shell: bool) -> str:
    """Return our file's text. ``proxy``: the argv that ends with the alias's name. ``shell``: /bin/sh and ssh-add can
    tell if the agent lives (elsewhere every connection goes through the proxy)."""
    entries = [_entry(alias, files(alias)) for alias in aliases]
    entries += [_way(alias, files(alias), proxy, shell) for alias in aliases]
    return "\n".join([HEAD, *entries, FOOT])


def _entry(alias: Alias, files: ClientFiles) -> str:
    options = {**_FIXED, "Port": str(alias.port), "User": alias.user, **session_options(files)}
    return _block(f"Host {alias.name}", [*options.items(), *forward_options(files)])


def _way(alias: Alias, files: ClientFiles, proxy: Sequence[str], shell: bool) -> str:
    command = (shlex.join if shell else _windows_join)([*proxy, alias.name]).replace("%", "%%")
    if not shell:
        return _block(f"Match originalhost {alias.name}", [("ProxyCommand", command)])
    alive = f"/bin/sh -c 'SSH_AUTH_SOCK=$1 exec ssh-add -l 2>/dev/null' sh {shlex.quote(files.agent)}"
    dead = _block(f'Match originalhost {alias.name} !exec "{alive}"', [("ProxyCommand", command)])
    return dead + _block(f"Match originalhost {alias.name}", [("ProxyCommand", "none")])


def _block(head: str, options: Iterable[tuple[str, str]]) -> str:
    return head + "\n" + "".join(f"    {key} {value}\n" for key, value in options)


def _windows_join(words: Sequence[str]) -> str:
    return " ".join(f'"{word}"' for word in words)
