"""Which addresses a webhook may call; pure.

The registries of special addresses are written out, because what ``ipaddress`` takes for global
differs from one release of Python to the next.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

_PRIVATE_4 = [
    *map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
    IPv4Network("100.64.0.0/10"),  # carriers' and overlay networks' own
    IPv4Network("127.0.0.0/8"),
]
# https://www.iana.org/assignments/iana-ipv4-special-registry and multicast.
_SPECIAL_4 = [
    IPv4Network("0.0.0.0/8"),  # this host
    IPv4Network("169.254.0.0/16"),  # link-local: where clouds answer with their machines' keys
    IPv4Network("192.0.0.0/24"),
    *map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")),  # documentation
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("224.0.0.0/3"),  # multicast, reserved, broadcast
]
_PRIVATE_6 = [IPv6Network("::1/128"), IPv6Network("fc00::/7")]
_UNICAST_6 = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies in 2000::/3.
_SPECIAL_6 = [
    IPv6Network("2001::/23"),  # protocols', Teredo among them
    *map(IPv6Network, ("2001:db8::/32", "3fff::/20")),  # documentation
    IPv6Network("2002::/16"),  # 6to4: any IPv4 address behind it
]
# Where an IPv6 address is another way to write an IPv4 address, that one counts.
_WRAPPING_4 = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]


def may_call(address: str, *, private_too: bool) -> bool:
    """Whether a webhook may connect to an IP address.

    Public ones always; private and loopback ones only with ``private_too``; link-local, multicast
    and reserved ones never, and nothing that isn't an address.
    """
    try:
        parsed = _unwrapped(ip_address(address))
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        private = _within(parsed, _PRIVATE_4)
        public = not private and not _within(parsed, _SPECIAL_4)
    else:
        private = _within(parsed, _PRIVATE_6)
        public = parsed in _UNICAST_6 and not _within(parsed, _SPECIAL_6)
    return public or (private and private_too)


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address) and _within(address, _WRAPPING_4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _within(
    address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network] | Sequence[IPv6Network]
) -> bool:
    return any(address in network for network in networks)
