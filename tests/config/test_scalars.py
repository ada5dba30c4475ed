"""The small languages inside strings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.config import scalars

PARSERS: tuple[Callable[[str], object], ...] = (
    scalars.parse_duration,
    scalars.parse_percent,
    scalars.parse_port,
    scalars.parse_port_or_name,
    scalars.parse_ip,
    scalars.parse_cidr,
    scalars.parse_host,
    scalars.parse_exact_host,
    scalars.parse_namespaced_host,
    scalars.parse_dns_label,
    scalars.parse_dns_subdomain,
)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text(max_size=80) | st.text(alphabet="0123456789.msh-+*/:%eE_", max_size=80))
def test_any_text_is_a_value_or_a_value_error_in_words(parse: Callable[[str], object], text: str) -> None:
    reason = ""
    try:
        parse(text)
    except ValueError as error:
        reason = str(error)
    assert not reason or 10 < len(reason) < 250


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5s", 1.5), ("100ms", 0.1), ("1h2m", 3720), ("0s", 0), ("0", 0), ("500us", 0.0005), ("-1s", -1), (".5s", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert scalars.parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1 s", "1d", "1s ", "1e3s", "٣s", "1.2.3s", "99999999999h", "999999999h"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        scalars.parse_duration(text)


@given(st.timedeltas(min_value=-scalars.MAX_DURATION / 1000, max_value=scalars.MAX_DURATION / 1000))
def test_formatted_durations_come_back(duration: timedelta) -> None:
    assert scalars.parse_duration(scalars.format_duration(duration)) == duration


@pytest.mark.parametrize(("value", "percent"), [("50%", 50.0), ("12.5", 12.5), (0, 0.0), (100.0, 100.0), (".5%", 0.5)])
def test_percentages(value: object, percent: float) -> None:
    assert scalars.parse_percent(value) == percent


@pytest.mark.parametrize("value", ["101%", "-1", "50 %%", True, None, 100.5, float("nan")])
def test_what_is_no_percentage(value: object) -> None:
    with pytest.raises(ValueError, match=r"from 0 to 100"):
        scalars.parse_percent(value)


@pytest.mark.parametrize("value", [0, 65536, "http", "", "-1", True, 80.0, "000080", None])
def test_what_is_no_port(value: object) -> None:
    with pytest.raises(ValueError, match="port number"):
        scalars.parse_port(value)


def test_ports_are_numbers_digits_or_names() -> None:
    assert scalars.parse_port("8080") == scalars.parse_port(8080) == 8080
    assert scalars.parse_port_or_name("http-web") == "http-web"
    assert scalars.parse_port_or_name("80") == 80
    with pytest.raises(ValueError, match="port's number or name"):
        scalars.parse_port_or_name("a-name-that-is-too-long")


def test_addresses() -> None:
    assert scalars.parse_ip("::1") == ip_address("::1")
    assert scalars.parse_cidr("10.1.2.3/8") == ip_network("10.0.0.0/8")
    assert scalars.parse_cidr("10.1.2.3") == ip_network("10.1.2.3/32")
    assert scalars.is_ip("127.0.0.1")
    assert not scalars.is_ip("127.0.0.1/32")


@pytest.mark.parametrize("text", ["reviews", "*", "*.example.com", "a_b.example.com", "1.2.3.4", "Reviews.Default"])
def test_hosts(text: str) -> None:
    assert scalars.parse_host(text) == text.lower()


@pytest.mark.parametrize("text", ["", "*.", "a.*.com", "*a.com", "a..b", "a.", ".a", "-a", "a/b", "http://a", "x" * 64])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match="host name"):
        scalars.parse_host(text)


def test_exact_hosts_have_no_wildcard() -> None:
    with pytest.raises(ValueError, match="wildcard"):
        scalars.parse_exact_host("*.example.com")


@pytest.mark.parametrize(
    ("text", "parts"),
    [("./*", (".", "*")), ("ns/a.b", ("ns", "a.b")), ("*/x", ("*", "x")), ("x", ("*", "x")), ("~/*", ("~", "*"))],
)
def test_hosts_with_a_namespace(text: str, parts: tuple[str, str]) -> None:
    assert scalars.parse_namespaced_host(text) == parts


def test_a_namespace_before_a_host_must_be_one() -> None:
    with pytest.raises(ValueError, match="before '/'"):
        scalars.parse_namespaced_host("A b/x")


def test_names() -> None:
    assert scalars.parse_dns_subdomain("a.b-c") == "a.b-c"
    for text in ("A", "a..b", "-a", ""):
        with pytest.raises(ValueError, match="lower-case"):
            scalars.parse_dns_subdomain(text)
    with pytest.raises(ValueError, match="lower-case"):
        scalars.parse_dns_label("a.b")
