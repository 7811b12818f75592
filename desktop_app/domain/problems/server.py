"""Problems with ClearML servers, accounts and credentials: one row per code."""

from desktop_app.domain.problems.problem import Problem, Remedy, Retry, row

ROWS: tuple[Problem, ...] = (
    row("server.unreachable", "The ClearML server can't be reached",
        "{server} does not answer. Check your network, or whether you need your VPN. Sessions keep running; the "
        "window tries again by itself.", Retry.AUTO, (Remedy.RETRY,)),
    row("server.no_sandbox", "The sandbox does not answer",
        "Its sessions that are attached go on. Start it again: sessiondock sandbox start, or open the window.",
        Retry.AUTO, (Remedy.RETRY,)),
    row("server.unauthorised", "The ClearML server refuses the API key",
        "The key for {server} is wrong, has expired or was revoked. Make a new one in ClearML under Settings > "
        "Workspace > API credentials and enter it here.", Retry.USER, (Remedy.SIGN_IN,)),
    row("server.expired", "The sign-in to the ClearML server has expired",
        "{server} no longer accepts this sign-in. Enter the API key again.", Retry.USER, (Remedy.SIGN_IN,)),
    row("server.tls", "The connection to the ClearML server is not secure",
        "The certificate of {server} can't be verified. If your company uses its own certificate authority, "
        "install it on this computer or name its file (Certificates on the account page).",
        Retry.USER, (Remedy.RETRY,)),
    row("server.ca_file", "The certificate file can't be used",
        "{path} holds no certificate authority that could be read. Choose a file in PEM format.",
        Retry.USER, (Remedy.SIGN_IN,)),
    row("server.proxy", "The proxy of this computer's environment can't be used",
        "{variable} says {value}, but {why}. Correct the variable, or exempt the ClearML server by naming its "
        "host in NO_PROXY, and start SessionDock again.", Retry.USER, (Remedy.RETRY,)),
    row("server.proxy_silent", "The ClearML server can't be reached through the proxy",
        "{proxy}, which {variable} names, does not lead to {server}. {answer}Check the proxy; if the server needs "
        "none, name its host in NO_PROXY. Sessions keep running.", Retry.AUTO, (Remedy.RETRY,)),
    row("server.token_expired", "The access token is no longer valid",
        "{server} does not accept this token any more, and a token can't be renewed. Make an API key in ClearML "
        "under Settings > Workspace > API credentials and enter it here.", Retry.USER, (Remedy.SIGN_IN,)),
    row("server.not_found", "No ClearML API server was found",
        "“{typed}” was tried as {tried}. None of them answers as a ClearML API server does. Check the address, "
        "and whether you need your VPN.", Retry.USER, (Remedy.RETRY,)),
    row("server.refused", "The ClearML server refused the request",
        "{server} answered: {answer}.", Retry.USER, (Remedy.RETRY,)),
    row("server.failed", "The ClearML server failed to do what it was asked",
        "{server} answered: {answer}. If it keeps failing, tell the server's administrator.",
        Retry.AUTO, (Remedy.RETRY,)),
    row("server.in_between", "Something in front of the ClearML server answered in its place",
        "{host} answered HTTP {status}, and not in the way that ClearML does: a proxy or a sign-in page stands "
        "between. {more}Let {server} through it, or use an address that leads past it.", Retry.USER, (Remedy.RETRY,)),
    row("server.gateway", "The ClearML server behind a proxy does not answer",
        "{host} answered HTTP {status} in its place, as a proxy does while the server behind it starts, is "
        "updated or has too much to do. Sessions keep running. If that stays so, tell the administrator of "
        "{server}.", Retry.AUTO, (Remedy.RETRY,)),
    row("server.not_clearml", "This is not a ClearML API server",
        "{server} answers, but not as a ClearML API server does. Use the API address (often port 8008 or api.…), "
        "not the web page's.", Retry.USER, (Remedy.SIGN_IN,)),
    row("server.too_old", "This ClearML server is too old",
        "{server} speaks API {version}; SessionDock needs {needed} or newer. Ask its administrator to update it.",
        Retry.NEVER),
    row("account.unverified", "The key could not be checked, so nothing was stored",
        "{server} does not answer. Check the address, and whether you need your VPN, then try again.",
        Retry.USER, (Remedy.RETRY,)),
    row("account.unknown", "There is no such account", "No account is called “{name}”. Known: {known}.{near}"),
    row("account.ambiguous", "Several match", "“{name}” fits {known}. Name one of them."),
    row("account.no_key", "There is no such key", "“{account}” has no key “{name}”. Its keys: {known}."),
    row("account.several", "Choose an account", "There are several: {known}. Name one with --account."),
    row("account.none", "There is no account yet",
        "sessiondock accounts import takes over the ClearML keys of this computer{found}; --account sandbox "
        "starts the sandbox."),
    row("account.no_secret", "The API secret is not in the keyring",
        "SessionDock knows {server} but not its secret. Enter the API key again.", Retry.USER, (Remedy.SIGN_IN,)),
    row("credentials.none", "No ClearML credentials were found",
        "{where} holds no access key with its secret. In ClearML, make credentials under Settings > Workspace > "
        "API credentials and copy what it shows."),
    row("credentials.unreadable", "A ClearML configuration could not be read",
        "{path}: {why}. The file was left as it is; you can enter the key yourself."),
)  # fmt: skip
