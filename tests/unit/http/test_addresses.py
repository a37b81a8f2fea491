"""Which address a request counts for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.http.addresses import Proxies, network_of

HEROKU = Proxies(("10.0.0.0/8",))
CHAIN = Proxies(("10.0.0.0/8", "203.0.113.9", "fdaa::/16"))


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "client"),
    [
        (Proxies(()), "10.1.1.1", ["1.2.3.4"], "10.1.1.1"),
        (HEROKU, "192.0.2.1", ["1.2.3.4"], "192.0.2.1"),
        (HEROKU, "10.1.1.1", [], "10.1.1.1"),
        (HEROKU, "10.1.1.1", ["1.2.3.4"], "1.2.3.4"),
        (HEROKU, "10.1.1.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (HEROKU, "10.1.1.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        (HEROKU, "10.1.1.1", ["1.2.3.4:5678"], "1.2.3.4"),
        (HEROKU, "10.1.1.1", ["[2001:db8::1]:5678"], "2001:db8::1"),
        (HEROKU, "10.1.1.1", ["2001:db8::1"], "2001:db8::1"),
        (HEROKU, "10.1.1.1", ["1.2.3.4, unknown"], "10.1.1.1"),
        (HEROKU, "10.1.1.1", ["1.2.3.4, "], "10.1.1.1"),
        (CHAIN, "10.1.1.1", ["6.6.6.6, 1.2.3.4, 203.0.113.9"], "1.2.3.4"),
        (CHAIN, "fdaa::3", ["1.2.3.4, 203.0.113.9, 10.2.2.2"], "1.2.3.4"),
        (HEROKU, "unix", ["1.2.3.4"], "unix"),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_trusted_proxy(
    proxies: Proxies, peer: str, forwarded: list[str], client: str
) -> None:
    assert proxies.client(peer, forwarded) == client


@given(st.lists(st.text(max_size=20), max_size=5))
def test_what_a_client_wrote_itself_changes_nothing(written: list[str]) -> None:
    """The proxy adds its own word to the right of it."""
    assert HEROKU.client("10.1.1.1", [*written, "198.51.100.7"]) == "198.51.100.7"
    assert HEROKU.client("10.1.1.1", [", ".join([*written, "198.51.100.7"])]) == "198.51.100.7"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_client(address: str, network: str) -> None:
    assert network_of(address) == network
