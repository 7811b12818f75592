"""Accounts as --json shows them, and their keys as the user reads them. Pure."""

from desktop_app.domain.accounts.account import UNCHECKED, Account, ApiKey


def account_json(account: Account) -> dict[str, object]:
    """Return an account as --json shows it."""
    return {
        "id": account.id,
        "name": account.label,
        "server": account.api_url,
        "user": account.user_name,
        "workspace": account.company,
        "server_version": account.server_version,
        "certificate_checked": account.trust != UNCHECKED,
        "route": account.route or "direct",
        "keys": [
            {"key": key.access_key or None, "in_use": number == 0, "refused_since": key.refused or None}
            for number, key in enumerate(account.all_keys)
        ],
    }


def key_text(account: Account, key: ApiKey) -> str:
    """Return a key of an account, and what is to be known of it."""
    use = "in use" if key is account.all_keys[0] and len(account.all_keys) > 1 else ""
    refused = f"refused since {key.refused[:16].replace('T', ' ')} UTC" if key.refused else ""
    about = ", ".join(text for text in (use, refused) if text)
    return f"{key.shown} ({about})" if about else key.shown
