"""What documents of resources do not show, wherever it is."""

from __future__ import annotations

from typing import cast

from xds.app.redact import Json, redacted


def shown(value: object) -> object:
    return redacted(cast("Json", value))


def test_keys_are_not_shown_wherever_they_are() -> None:
    certificate = {"certificate_chain": {"inline_bytes": "abc"}, "private_key": {"inline_bytes": "def"}}
    assert shown({"tls_certificate": certificate}) == {
        "tls_certificate": {"certificate_chain": {"inline_bytes": "abc"}, "private_key": {"inline_bytes": "[redacted]"}}
    }
    assert shown([{"a": [certificate]}]) == [{"a": [shown(certificate)]}]
    secrets = {"generic_secret": {"secret": {"inline_string": "a"}, "secrets": {"b": {"inline_bytes": "b"}}}}
    assert shown(secrets) == {
        "generic_secret": {"secret": {"inline_string": "[redacted]"}, "secrets": {"b": {"inline_bytes": "[redacted]"}}}
    }
    tickets = {"session_ticket_keys": {"keys": [{"inline_bytes": "a"}, {"filename": "/tickets"}]}}
    assert shown(tickets) == {
        "session_ticket_keys": {"keys": [{"inline_bytes": "[redacted]"}, {"filename": "/tickets"}]}
    }


def test_where_a_key_is_may_be_shown() -> None:
    certificate = {
        "private_key": {"filename": "/tls.key", "watched_directory": {"path": "/"}},
        "password": {"environment_variable": "PASSWORD"},
        "private_key_provider": {
            "provider_name": "cryptomb",
            "typed_config": {"@type": "type.googleapis.com/x", "private_key": {"inline_string": "a"}, "delay": "1s"},
        },
    }
    assert shown(certificate) == {
        **certificate,
        "private_key_provider": {
            "provider_name": "cryptomb",
            "typed_config": {
                "@type": "type.googleapis.com/x",
                "private_key": {"inline_string": "[redacted]"},
                "delay": "[redacted]",
            },
        },
    }


def test_everything_else_is_as_it_was() -> None:
    document = {"name": "a", "list": [1, 2.5, True, None, "password"], "map": {"key": {"inline_string": "b"}}}
    assert shown(document) == document
