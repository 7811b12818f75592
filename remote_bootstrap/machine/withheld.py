"""Which variables of the agent's environment stay with the agent: by prefix, since programs learn new ones each year.

Three circles. No program of a session gets what belongs to ClearML's agent, or to the terminal, notebook, editor or
login in which it was started. Our own servers and installers get besides nothing by which their settings are changed,
except what says how the network is reached. The user's shells and kernels keep those: PIP_INDEX_URL is for them, too.
Pure; any thread.
"""

from typing import Dict, Mapping, Tuple

# Credentials and the agent's configuration file (it holds the agent's key), and the ids by which a user's own Task.init
# would take over the session's task.
_CLEARML = ("CLEARML_", "TRAINS_", "ALG_")
_CLEARML_KEPT = ("CLEARML_API_HOST", "CLEARML_WEB_HOST", "CLEARML_FILES_HOST")

_OF_THE_PLACE = (
    "VSCODE_", "CODE_SERVER_", "CS_DISABLE_", "CURSOR_", "ELECTRON_", "INTELLIJ_", "PYCHARM_", "PYDEVD_", "DEBUGPY_",
    "JPY_", "JUPYTER", "KERNEL_", "COLAB_", "GIT_", "SSH_", "SUDO_", "TERM_", "TMUX", "ZELLIJ", "KITTY_",
    "WEZTERM_", "ITERM_", "KONSOLE_", "GNOME_TERMINAL_", "ALACRITTY_", "TERMINATOR_", "TILIX_", "VTE_",
    "STARSHIP_", "npm_lifecycle_", "npm_package_", "npm_execpath", "npm_node_execpath", "npm_command",
)  # fmt: skip
_PLACE_NAMES = (
    "MPLBACKEND", "HASHED_PASSWORD", "IPYTHONDIR", "PROMPT_COMMAND", "COLUMNS", "LINES", "STY", "WINDOWID",
)  # fmt: skip
# Kernels of the machine; how git reaches its servers, and that it does not ask.
_OF_THE_MACHINE = (
    "JUPYTER_PATH", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_COMMAND", "GIT_TERMINAL_PROMPT", "GIT_PYTHON_", "GIT_LFS_",
    "GIT_ALLOW_PROTOCOL", "GIT_CEILING_DIRECTORIES",
)  # fmt: skip
# A notebook or an editor sets these for its own children, and only there they mean that.
_TOLD_BY_VALUE = {
    "PAGER": ("cat",), "GIT_PAGER": ("cat",), "CLICOLOR": ("1",), "CLICOLOR_FORCE": ("1",), "FORCE_COLOR": ("1",),
}  # fmt: skip
_BY_PLACE = (
    "vscode-",
    ".vscode",
    "code-server",
    "cursor-server",
    ".cursor",
)  # in BROWSER, PYTHONSTARTUP, EDITOR: its own helpers
_HELPERS = ("BROWSER", "PYTHONSTARTUP", "EDITOR", "VISUAL")

_OF_OUR_TOOLS = (
    "PIP_", "UV_", "NODE_", "NPM_", "YARN_", "PNPM_", "COREPACK_", "PYTHON", "PIPENV_", "POETRY_", "VIRTUALENV_",
    "DISTUTILS_", "SETUPTOOLS_",
)  # fmt: skip
_OF_CODE_SERVER = ("VSCODE_", "CODE_SERVER_", "CS_DISABLE_", "NODE_")
_CODE_SERVER_NAMES = ("PASSWORD", "PORT", "LOG_LEVEL")
_OF_THE_NETWORK = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST", "PIP_CERT",
    "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_CACHE_DIR", "PIP_KEYRING_PROVIDER",
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_INSECURE_HOST",
    "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "UV_KEYRING_PROVIDER", "UV_CACHE_DIR",
    "UV_LINK_MODE", "UV_CONCURRENT_",
    "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "NODE_USE_SYSTEM_CA", "NODE_USE_ENV_PROXY",
    "NPM_CONFIG_REGISTRY", "NPM_CONFIG_CAFILE", "NPM_CONFIG_CA", "NPM_CONFIG_PROXY", "NPM_CONFIG_HTTPS_PROXY",
    "NPM_CONFIG_NOPROXY", "NPM_CONFIG_STRICT_SSL", "NPM_CONFIG_//", "NPM_CONFIG_@", "NPM_TOKEN",
    "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONHTTPSVERIFY",
)  # fmt: skip


def _begins(name: str, prefixes: Tuple[str, ...]) -> bool:
    return name.startswith(prefixes)


def is_withheld(name: str, value: str = "") -> bool:
    """True if no program of the session gets the variable."""
    if _begins(name, _CLEARML):
        return name not in _CLEARML_KEPT
    if name in _HELPERS:
        return any(place in value for place in _BY_PLACE)
    return name in _PLACE_NAMES or (_begins(name, _OF_THE_PLACE) and not _begins(name, _OF_THE_MACHINE))


def for_people(environment: Mapping[str, str]) -> Dict[str, str]:
    """Return what shells, kernels and programs that the user starts may have of it."""
    noted = any(name.startswith("JPY_") for name in environment)
    return {
        name: value
        for name, value in environment.items()
        if not is_withheld(name, value) and not (noted and value in _TOLD_BY_VALUE.get(name, ()))
    }


def is_of_a_tool(name: str) -> bool:
    """True if it changes what pip, uv, npm or node do, other than how they reach the network."""
    upper = name.upper()
    return _begins(upper, _OF_OUR_TOOLS) and not _begins(upper, _OF_THE_NETWORK)


def is_of_code_server(name: str) -> bool:
    """True if it changes code-server itself. Its terminals are the user's, and keep what is for pip and the like."""
    return name in _CODE_SERVER_NAMES or (_begins(name, _OF_CODE_SERVER) and not _begins(name, _OF_THE_NETWORK))


def for_tools(environment: Mapping[str, str]) -> Dict[str, str]:
    """Return what our own installers may have of it."""
    return {name: value for name, value in for_people(environment).items() if not is_of_a_tool(name)}
