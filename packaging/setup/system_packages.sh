#!/usr/bin/env bash
# Makes sure that the Debian packages of the named groups (run, test, engine) are there; see debian-packages.txt.
#
# Nothing missing: no network, no root. Something missing: installs it as root, or prints the exact command and
# exits 1. On a system without dpkg it says so and leaves the matter to the reader.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/debian-packages.txt
groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(run)

say() { printf '%s\n' "$*"; }

requirements() { # the lines of one group, without comments
    awk -v want="[$1]" '/^\[/ { on = ($0 == want); next } on && NF && $1 !~ /^#/' "$list"
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

satisfied() { # any of the alternatives in $1
    local name
    for name in ${1//|/ }; do
        if installed "$name"; then return 0; fi
    done
    return 1
}

candidate() { # the first alternative that apt could install
    local name policy
    for name in ${1//|/ }; do
        policy=$(apt-cache policy "$name" 2>/dev/null)
        if grep -q '^  Candidate: [^(]' <<<"$policy"; then
            say "$name"
            return
        fi
    done
    say "${1%% *}"
}

missing_requirements() {
    local group line
    for group in "${groups[@]}"; do
        while IFS= read -r line; do
            satisfied "$line" || say "$line"
        done < <(requirements "$group")
    done | sort -u
    # A stock Debian python3 has no ensurepip until python3-venv is there; other builds of Python bring it.
    if ! "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null; then
        say "python3-venv"
    fi
}

# Only the program sshd is wanted: a session runs it with its own configuration on 127.0.0.1. Debian starts no system-wide
# server while this file exists, so that setting up SessionDock never opens port 22 of somebody's computer.
keep_system_sshd_off() {
    mkdir -p /etc/ssh
    cat >/etc/ssh/sshd_not_to_be_run <<'TEXT'
SessionDock's "make setup" installed openssh-server for its program sshd only.
Remove this file and run "systemctl start ssh" if this computer is meant to be reachable by SSH.
TEXT
    say "The system-wide SSH server stays off (/etc/ssh/sshd_not_to_be_run); sessions start their own on 127.0.0.1."
}

# Only the program dockerd is wanted: tests start one of their own for a while. Debian would start another for good.
keep_system_docker_off() {
    local unit units=${SYSTEMD_UNITS:-/etc/systemd/system}
    mkdir -p "$units"
    for unit in docker.service docker.socket containerd.service; do
        [ -e "$units/$unit" ] || ln -s /dev/null "$units/$unit"
    done
    say "The system-wide Docker service stays off (masked; \"systemctl unmask docker.service docker.socket" \
        "containerd.service\" lets it run); tests start a private one."
}

if ! command -v dpkg-query >/dev/null; then
    say "This is not a Debian system, so the system packages were not checked; ${list#"$PWD"/} lists what is needed."
    exit 0
fi

missing=()
while IFS= read -r line; do missing+=("$line"); done < <(missing_requirements)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
    say "Asking apt for missing system packages"
    apt-get -o DPkg::Lock::Timeout=300 -qq update
fi
names=()
for line in "${missing[@]}"; do names+=("$(candidate "$line")"); done

if [ "$(id -u)" != 0 ]; then
    say "These system packages are missing. Install them as root, then run make again:"
    say ""
    say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names[*]}"
    case " ${names[*]} " in *" openssh-server "*)
        say ""
        say "openssh-server starts an SSH server for this computer; SessionDock does not use that one. To keep it off:"
        say "    sudo mkdir -p /etc/ssh && sudo touch /etc/ssh/sshd_not_to_be_run     (before the command above)"
        ;;
    esac
    exit 1
fi >&2

case " ${names[*]} " in *" openssh-server "*) keep_system_sshd_off ;; esac
case " ${names[*]} " in *" docker.io "* | *" docker-ce "*) keep_system_docker_off ;; esac
say "Installing system packages: ${names[*]}"
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install -y -qq \
    --no-install-recommends "${names[@]}" >/dev/null
