"""One user on one server is one account; accounts are told apart; and which one a name means."""

from dataclasses import replace
from typing import Any

import pytest

from desktop_app.domain.accounts.account import SANDBOX_ID, Account, ApiKey
from desktop_app.domain.accounts.addresses import place_of
from desktop_app.domain.accounts.identity import find, find_key, may_be_same_user, merged, same_user, tell_apart
from desktop_app.domain.problems import AppError

ADA = Account("aaaa1111", "Ada on api.test:8008", "http://api.test:8008", "KEYONE", user_id="u1", user_name="Ada",
              company="c1")  # fmt: skip
AGAIN = replace(ADA, id="bbbb2222", access_key="KEYTWO")
BOB = replace(ADA, id="cccc3333", label="Bob on api.test:8008", access_key="BOBSKEY", user_id="u2", user_name="Bob")


@pytest.mark.parametrize(
    "address",
    ["https://API.test", "http://api.test", "https://api.test:443/", "http://api.test:80", "api.test", "HTTP://api.test."],
)  # fmt: skip
def test_one_address_in_many_spellings(address: str) -> None:
    assert place_of(address) == "api.test"


@pytest.mark.parametrize(
    "address", ["http://api.test:8008", "http://other.test", "http://api.test/path", "http://[::1]"]
)
def test_other_addresses_are_others(address: str) -> None:
    assert place_of(address) != "api.test"


def test_this_computer_by_any_of_its_names() -> None:
    names = ("http://localhost:8008", "https://127.0.0.1:8008/", "http://[::1]:8008", "LOCALHOST:8008")
    assert {place_of(name) for name in names} == {"localhost:8008"}


def test_an_address_that_is_none_is_a_place_like_any() -> None:
    assert place_of("http://a:99999999") == "http://a:99999999"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"api_url": "https://API.test:8008"}, True),
        ({"api_url": "http://10.0.0.5:8008"}, False),  # nobody can tell
        ({"user_id": "u2"}, False),
        ({"user_id": ""}, False),
        ({"id": SANDBOX_ID}, False),
    ],
)
def test_the_same_user_on_the_same_server(change: dict[str, Any], same: bool) -> None:
    assert same_user(ADA, replace(AGAIN, **change)) is same


def test_at_another_address_only_what_looks_alike_is_asked() -> None:
    """Every member of the workspace can read both id and moment, and have a server that claims them."""
    born = replace(ADA, user_created="2024-01-02T03:04:05.678")
    elsewhere = replace(born, id="x", api_url="https://10.0.0.5")
    assert may_be_same_user(born, elsewhere) and not same_user(born, elsewhere)
    assert merged((born, elsewhere)) == (born, elsewhere)
    assert not may_be_same_user(born, replace(elsewhere, user_created="2025-01-01T00:00:00"))
    assert not may_be_same_user(ADA, replace(ADA, id="x", api_url="https://10.0.0.5")), "nobody said when"


def test_accounts_of_one_user_become_one() -> None:
    first, second = replace(ADA, route="jump ada@gate"), replace(AGAIN, web_url="http://web")
    (one, bob) = merged((first, BOB, second))
    assert (one.id, one.former, one.access_key, one.route) == (ADA.id, (AGAIN.id,), "KEYTWO", "jump ada@gate")
    assert one.all_keys == (ApiKey("KEYTWO", AGAIN.id), ApiKey("KEYONE", ADA.id))
    assert bob == BOB
    assert merged((one, bob)) == (one, bob)


def test_three_become_one_too() -> None:
    (one,) = merged((ADA, AGAIN, replace(ADA, id="dddd4444", access_key="KEYTHREE")))
    assert one.former == (AGAIN.id, "dddd4444")
    assert {key.access_key: key.owner for key in one.keys} == {
        "KEYONE": ADA.id, "KEYTWO": AGAIN.id, "KEYTHREE": "dddd4444",
    }  # fmt: skip


def test_https_is_never_given_up_for_http() -> None:
    (one,) = merged((replace(ADA, api_url="https://api.test"), replace(AGAIN, api_url="http://api.test")))
    assert one.api_url == "https://api.test"
    (one,) = merged((replace(ADA, api_url="http://api.test"), replace(AGAIN, api_url="https://api.test")))
    assert one.api_url == "https://api.test"


def test_the_key_in_use_comes_first_and_refused_ones_last() -> None:
    keys = (ApiKey("A", "1", "2026-01-01"), ApiKey("B", "2"), ApiKey("C", "3"))
    assert [key.access_key for key in replace(ADA, access_key="C", keys=keys).all_keys] == ["C", "B", "A"]


def test_no_two_accounts_have_the_same_label() -> None:
    twins = [replace(ADA, id=str(n), user_id=f"u{n}") for n in range(5)]
    others = [replace(twins[0], id="x", company="c2"), replace(twins[0], id="y", label="z")]
    found = tell_apart([*twins, *others])
    assert len({one.label for one in found}) == len(found)
    assert found[0].label == ADA.label and found[-1].label == "z"
    assert tell_apart(found) == found


@pytest.mark.parametrize(
    "name", [ADA.id, ADA.label, "Ada", "u1", "KEYONE", "aaaa", "ada on", "the-old-id"], ids=lambda name: name
)
def test_what_can_be_said_for_an_account(name: str) -> None:
    ada = replace(ADA, former=("the-old-id",))
    assert find((BOB, ada), name) == ada


def test_a_server_says_which_account_where_it_has_one() -> None:
    other = replace(BOB, api_url="https://other.test")
    assert find((ADA, other), "https://OTHER.test/") == other == find((ADA, other), "other.test")


@pytest.mark.parametrize("name", ["api.test:8008", "Ada"])
def test_an_ambiguous_name_lists_what_can_be_said_instead(name: str) -> None:
    known = tell_apart((ADA, replace(BOB, user_name="Ada", label=ADA.label)))
    with pytest.raises(AppError) as caught:
        find(known, name)
    assert caught.value.problem.code == "account.ambiguous"
    for account in known:
        assert f"“{account.label}” (--account {account.id})" in caught.value.problem.detail


@pytest.mark.parametrize("name", ["", "nobody", "aaa"])
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(AppError) as caught:
        find((ADA, BOB), name)
    assert caught.value.problem.code == "account.unknown" and BOB.id in caught.value.problem.detail


def test_a_key_by_its_beginning() -> None:
    account = replace(ADA, keys=(ApiKey("KEYONE", "1"), ApiKey("KEYTWO", "2"), ApiKey("", "3")))
    assert find_key(account, "KEYO") == ApiKey("KEYONE", "1")
    assert find_key(account, "access token") == ApiKey("", "3")
    assert find_key(account, "KEY") is None is find_key(account, "")
    with pytest.raises(AppError) as caught:
        find_key(replace(account, keys=(ApiKey("ABCD1", "1"), ApiKey("ABCD2", "2"))), "ABCD")
    assert "ABCD1, ABCD2" in caught.value.problem.detail


def test_a_file_that_says_an_account_many_times_is_read_all_the_same() -> None:
    """Somebody copied its rows, or put two files together."""
    labels = [one.label for one in tell_apart([ADA] * 8)]
    assert len(set(labels)) == 8 and labels[0] == ADA.label


def test_an_account_that_is_there_twice_is_not_its_own_former_one() -> None:
    """What is kept under a former id is removed with it."""
    (one,) = merged([ADA, ADA, AGAIN])
    assert one.ids == (ADA.id, AGAIN.id)
