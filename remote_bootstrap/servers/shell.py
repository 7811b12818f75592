"""What a login of the session runs: the task's environment, the task's Python, the folder to work in.

Written once into ``<session>/home``; the user's own dotfiles are read as usual and never changed. Pure text.
"""

import os
import re
import shlex
from pathlib import Path
from typing import Dict, Mapping, Sequence

from remote_bootstrap.machine.folders import private, write_private
from remote_bootstrap.session.context import Context

# sshd sets these for each login; the task's values would be wrong or would hide the client's. HOME is the task's, so
# that a login and a notebook of the same session agree about it (an agent may have been given a home of its own).
OF_THE_LOGIN = re.compile(
    r"^(USER|LOGNAME|SHELL|TERM|PWD|OLDPWD|SHLVL|_|MAIL|SSH_(?!AUTH_SOCK$).*|XDG_.*|COLUMNS|LINES|PATH)$"
)
OF_THE_CLIENT = re.compile(
    r"^(LANG|LANGUAGE|LC_.*|COLORTERM|SSH_AUTH_SOCK)$"
)  # sent along by ssh; the task's are the fallback
NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
# sshd calls its subsystems by these words: versions differ in what they make of a path with blanks in a command line.
RELAY_WORD, AGENT_WORD, SFTP_WORD = "sessiondock-relay", "sessiondock-agent-link", "sessiondock-sftp"
SFTP_LINK = "sftp-server"  # in the session's home; leads to the program of the sshd that runs

SHELL = """\
#!/bin/sh
# Run by every login of this session: its environment and folder, then the shell or the command.
cd -- {folder} 2>/dev/null || cd
case "${{SSH_ORIGINAL_COMMAND-}}" in
{subsystems}
esac
. {home}/environment
. {home}/activate
: "${{SHELL:=/bin/sh}}"
SHLVL=0; export SHLVL  # sshd's own shell was told (SetEnv) to leave ~/.bashrc alone; the user's own reads it
if [ -n "${{SSH_ORIGINAL_COMMAND+set}}" ]; then
    sessiondock_command=$SSH_ORIGINAL_COMMAND
    unset SSH_ORIGINAL_COMMAND
    case "${{SHELL##*/}}" in
        bash|zsh|sh|dash|ksh) exec "$SHELL" -c {activate}"
$sessiondock_command" ;;
        *) exec "$SHELL" -c "$sessiondock_command" ;;
    esac
fi
[ -t 0 ] && [ -t 1 ] && cat {home}/banner 2>/dev/null
case "${{SHELL##*/}}" in
    bash) exec "$SHELL" --rcfile {home}/bashrc -i ;;
    zsh) ZDOTDIR={home}/zsh exec "$SHELL" -l -i ;;
    *) exec "$SHELL" -l ;;
esac
"""

ACTIVATE = """\
# A login's profile may have set PATH anew: the task's programs, its Python above all, come first again.
sessiondock_path={path}
case "$PATH" in
    "$sessiondock_path"|"$sessiondock_path:"*) ;;
    *) PATH=$sessiondock_path:$PATH ;;
esac
export PATH
unset sessiondock_path
"""

BASHRC = """\
# A login shell's files, in bash's own order, then the task's Python.
[ -r /etc/profile ] && . /etc/profile
if [ -r ~/.bash_profile ]; then . ~/.bash_profile
elif [ -r ~/.bash_login ]; then . ~/.bash_login
elif [ -r ~/.profile ]; then . ~/.profile
elif [ -r ~/.bashrc ]; then . ~/.bashrc
fi
. {home}/activate
cd -- {folder} 2>/dev/null || cd
"""


def environment_text(variables: Dict[str, str]) -> str:
    """Return shell lines that export ``variables``."""
    lines = []
    for name, value in sorted(variables.items()):
        if not NAME.match(name) or OF_THE_LOGIN.match(name):
            continue
        line = "export %s=%s" % (name, shlex.quote(value))
        lines.append('[ -n "${%s-}" ] || %s' % (name, line) if OF_THE_CLIENT.match(name) else line)
    return "\n".join(lines) + "\n"


def write_environment(context: Context) -> None:
    """Write what logins get from now on; the session's environment may have changed since the last call."""
    home, environment = private(context.home), context.environment()
    write_private(home / "environment", environment_text(environment))
    write_private(home / "activate", ACTIVATE.format(path=shlex.quote(environment.get("PATH", os.defpath))))


def write(context: Context, subsystems: Mapping[str, Sequence[str]]) -> Path:
    """Lay the files down; return the program that a login runs.

    ``subsystems``: word -> command that runs at once: a dotfile that prints or waits must not reach it.
    """
    home = private(context.home)
    names = {"home": shlex.quote(str(home)), "folder": shlex.quote(str(context.settings.user_folder))}
    names["activate"] = shlex.quote(". %s/activate" % names["home"])  # a word that is itself read by a shell
    commands = ((word, " ".join(map(shlex.quote, argv))) for word, argv in subsystems.items())
    names["subsystems"] = "\n".join("    %s) exec %s ;;" % command for command in commands)
    write_environment(context)
    write_private(home / "bashrc", BASHRC.format(**names))
    zsh = private(home / "zsh")
    for name in (".zshenv", ".zprofile", ".zlogin"):
        write_private(zsh / name, '[ -r "$HOME/%s" ] && . "$HOME/%s"\n' % (name, name))
    after = ". %(home)s/activate\ncd -- %(folder)s 2>/dev/null || cd\nZDOTDIR=$HOME\n" % names
    write_private(zsh / ".zshrc", '[ -r "$HOME/.zshrc" ] && . "$HOME/.zshrc"\n' + after)
    return write_private(home / "shell", SHELL.format(**names), mode=0o700)
