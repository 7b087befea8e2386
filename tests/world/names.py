"""Who is who in the world: its names and addresses, and which of them are friends.

A *friend* is a host that a policy of the tests names. Whatever else answers, answers with the canary.
"""

import ipaddress

# What a test's policy may allow: names, with their addresses of both families.
FRIENDS = {
    "web.example.com": ["93.184.216.10", "2606:2800:220::10"],
    "four.example.com": ["93.184.216.11"],
    "six.example.com": ["2606:2800:220::12"],
    "git.example.com": ["93.184.216.13", "2606:2800:220::13"],
    "npm.example.com": ["93.184.216.14", "2606:2800:220::14"],
    "pip.example.com": ["93.184.216.15", "2606:2800:220::15"],
    "crates.example.com": ["93.184.216.16", "2606:2800:220::16"],
    "db.example.com": ["93.184.216.17"],
    "h2.example.com": ["93.184.216.18"],
    "one.wild.example.com": ["93.184.216.19"],
    "two.wild.example.com": ["93.184.216.20", "2606:2800:220::20"],
    "slow.example.com": ["93.184.216.21"],
    "origin.cdn.example.net": ["93.184.216.22", "2606:2800:220::22"],
    "other.example.com": ["93.184.216.23", "2606:2800:220::23"],
    "xn--bcher-kva.example.com": ["93.184.216.24"],
    "big.example.com": [f"93.184.216.{last}" for last in range(100, 160)],
    "half-dead.example.com": ["93.184.216.25", "2606:2800:221::dead"],
    # As the real ones are called, for work under the default profile's own rules.
    "index.crates.io": ["93.184.216.30", "2606:2800:220::30"],
    "static.crates.io": ["93.184.216.31", "2606:2800:220::31"],
    "registry.npmjs.org": ["93.184.216.32", "2606:2800:220::32"],
    "pypi.org": ["93.184.216.33", "2606:2800:220::33"],
    "files.pythonhosted.org": ["93.184.216.34", "2606:2800:220::34"],
    "github.com": ["93.184.216.35", "2606:2800:220::35"],
}

# Names that lead to another name, several times over if need be.
ALIASES = {
    "alias.example.com": "www.web.cdn.example.net",
    "www.web.cdn.example.net": "origin.cdn.example.net",
    "cname-private.example.com": "intranet.corp.example.net",
    "loop-a.example.com": "loop-b.example.com",
    "loop-b.example.com": "loop-a.example.com",
}

# Names under friends' own domain whose addresses are nobody's business: what a hostile zone would answer.
SPECIAL = {
    "intranet.corp.example.net": ["10.7.7.7"],
    "ten.example.com": ["10.7.7.7"],
    "b-private.example.com": ["172.16.7.7"],
    "c-private.example.com": ["192.168.7.7"],
    "loop.example.com": ["127.0.0.1", "::1"],
    "loop2.example.com": ["127.8.8.8"],
    "shared.example.com": ["100.64.7.7"],
    "link.example.com": ["169.254.7.7"],
    "metadata.example.com": ["169.254.169.254"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata6.example.com": ["fd00:ec2::254"],
    "zero.example.com": ["0.0.0.0"],
    "zero6.example.com": ["::"],
    "unique.example.com": ["fd00::7"],
    "mapped.example.com": ["::ffff:10.7.7.7"],
    "nat64.example.com": ["64:ff9b::10.7.7.7"],
    "six-to-four.example.com": ["2002:a07:707::1"],
    "multicast.example.com": ["224.0.0.251"],
    "broadcast.example.com": ["255.255.255.255"],
    "benchmark.example.com": ["198.18.0.16"],
    "own.example.com": ["185.220.7.7", "2a03:7::7"],
    "own-private.example.com": ["192.168.77.2"],
    "mixed.example.com": ["10.7.7.7", "93.184.216.26"],
}

# Names below these change their answer: the first one of each name, and every one after it.
REBINDING = {
    "rebind.example.com": ("93.184.216.27", "10.7.7.7"),
    "rebind-loop.example.com": ("93.184.216.28", "127.0.0.1"),
}


def rebinds(name: str) -> tuple[str, str] | None:
    """The two answers of a name that changes."""
    return REBINDING.get(name.partition(".")[2])


# Names that do not exist; every other name does, and is the attacker's.
ABSENT = {"absent.example.com", "use-application-dns.net"}

# Where every name leads that is not above: the attacker's own host.
EVIL = ["45.33.32.156", "2600:3c01::66"]

# The world's own nameserver; the attacker's listens at every other address.
NAMESERVER = "9.9.9.9"

# The addresses of the machine that the sandbox is started on, and of the wire between it and everything else.
OWN, WIRE = [("185.220.7.7", 32), ("192.168.77.2", 24), ("2a03:7::7", 64), ("fd77::2", 64)], [("192.168.77.1", 24), ("fd77::1", 64)]

# Addresses from which nothing ever comes back.
SILENT = "2606:2800:221::/48"

# The names that a certificate of the world is for, beside the friends'.
CERTIFIED = ["*.example.com", "*.wild.example.com", "*.rebind.example.com", "*.example.net", "*.example.org", "example.net"]

# Addresses at which friends live.
FRIENDLY = {
    ipaddress.ip_address(address)
    for table in (FRIENDS, SPECIAL)
    for name, addresses in table.items()
    for address in addresses
    if table is FRIENDS or address.startswith("93.")
} | {ipaddress.ip_address(first) for first, _ in REBINDING.values()}


def is_friendly(address: str) -> bool:
    """Whether a friend lives at this address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(found, "ipv4_mapped", None) or found) in FRIENDLY


def is_friend(name: str) -> bool:
    """Whether this is how a friend is called, in a Host line or a ClientHello."""
    name = name.lower().rstrip(".")
    return name in FRIENDS or rebinds(name) is not None or name in ("alias.example.com", "mixed.example.com")
