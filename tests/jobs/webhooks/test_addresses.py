"""Which addresses may be called, against the registries by name and against ``ipaddress``."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.webhooks.addresses import may_call

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "99.255.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd00::1",
    "fc00::1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "64:ff9b::192.168.1.1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",  # IPv4-compatible, of old
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:808:808::",
    "3fff::1",
    "64:ff9b:1::1",
    "100::1",
    "5f00::1",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "",
    "localhost",
    "127.1",
    "8.8.8.8/32",
]


@pytest.mark.parametrize(
    ("addresses", "by_default", "with_private"),
    [(PUBLIC, True, True), (PRIVATE, False, True), (NEVER, False, False)],
    ids=["public", "private", "never"],
)
def test_kinds_of_addresses(addresses, by_default, with_private):
    for address in addresses:
        assert may_call(address, private_too=False) is by_default, address
        assert may_call(address, private_too=True) is with_private, address


@given(st.ip_addresses())
def test_whatever_is_allowed_is_global_in_the_eyes_of_the_standard_library(address):
    """The other way round it knows less: what it calls global depends on its release."""
    if may_call(str(address), private_too=False):
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is None and address in ipaddress.ip_network("64:ff9b::/96"):
            mapped = ipaddress.ip_address(int(address) & 0xFFFFFFFF)
        judged = mapped or address
        assert judged.is_global
        assert not any([judged.is_multicast, judged.is_reserved, judged.is_loopback])


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_however_it_is_written(address):
    for private_too in (False, True):
        plain = may_call(str(address), private_too=private_too)
        assert may_call(f"::ffff:{address}", private_too=private_too) is plain
        assert may_call(f"64:ff9b::{address}", private_too=private_too) is plain


@given(st.text())
def test_what_is_no_address_is_not_called(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert not may_call(text, private_too=True)


@given(st.ip_addresses())
def test_private_addresses_are_only_added(address):
    if may_call(str(address), private_too=False):
        assert may_call(str(address), private_too=True)
