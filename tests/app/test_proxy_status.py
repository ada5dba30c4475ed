"""``pilothouse proxy-status``: the table, one proxy, rejections, and what a terminal gets."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import cast

import pytest
import yaml
from rich.console import Console

from xds.app.cli import main
from xds.app.cli.monitoring import Rejection
from xds.app.cli.proxy_status import select
from xds.app.cli.proxy_table import Nack, Stream, Type, age, plain, rich_table, table, troubles
from xds.app.errors import StartError

NACK: Nack = {
    "message": "Duplicate domain\n",
    "at": 940.0,
    "objects": [],
    "resources": [
        {
            "name": "http_proxy",
            "objects": [{"object": "VirtualService/reviews.default", "origin": "vs.yaml:3"}],
            "objectCount": 1,
        }
    ],
}


def type_of(state: str, sent: float | None = None, acked: float | None = None, rejected: Nack | None = None) -> Type:
    return {
        "state": state,
        "sent": {"version": "", "at": sent},
        "acked": {"version": "", "at": acked},
        "rejected": rejected,
    }


def stream(name: str, types: dict[str, Type], version: str = "", ends: float | None = None) -> Stream:
    return {
        "proxy": f"{name}.default",
        "proxyID": f"sidecar~10.0.0.1~{name}.default~x",
        "cluster": "Kubernetes",
        "version": version,
        "connectedAt": 1.0,
        "certificateEnds": ends,
        "types": types,
        "refused": [],
    }


STREAMS = [
    stream("reviews", {"cds": type_of("SYNCED", 700.0, 820.0), "rds": type_of("ERROR", 930.0, 800.0, NACK)}, "1.40.0"),
    stream("details", {"eds": type_of("STALE", 990.0), "cds": type_of("SYNCED", 1.0, 400.0)}),
    stream("details", {"sds": type_of("NOT SENT")}),
]


def test_a_row_for_each_proxy_with_the_types_that_its_streams_subscribe_to() -> None:
    assert list(plain(table(STREAMS, 1000.0, verbose=False))) == [
        "NAME              CLUSTER      VERSION   SUBSCRIBED TYPES",
        "details.default   Kubernetes   -         3 (CDS,EDS,SDS)",
        "reviews.default   Kubernetes   1.40.0    2 (CDS,RDS)",
    ]


def test_verbose_shows_the_state_of_every_type_and_for_how_long() -> None:
    heading, details, reviews = table(STREAMS, 1000.0, verbose=True)
    assert heading[5:] == ("CDS", "LDS", "EDS", "RDS", "SDS")
    assert details[5:] == ("SYNCED (10m)", "NOT SENT", "STALE (10s)", "NOT SENT", "NOT SENT")
    assert reviews[5:] == ("SYNCED (3m)", "NOT SENT", "NOT SENT", "ERROR (1m)", "NOT SENT")


def test_verbose_shows_when_the_certificate_of_a_proxy_ends() -> None:
    streams = [
        stream("a", {}, ends=1060.0),
        stream("a", {}, ends=1120.0),
        stream("b", {}),
        stream("c", {}, ends=1000.0),
    ]
    assert [row[4] for row in table(streams, 1000.0, verbose=True)] == ["CERTIFICATE ENDS IN", "1m", "-", "ENDED"]


def test_a_rejection_shows_its_reason_and_what_stands_behind_it() -> None:
    assert list(troubles(STREAMS)) == [
        "reviews.default rejected RDS: Duplicate domain",
        "  http_proxy from VirtualService/reviews.default vs.yaml:3",
    ]
    objects = [{"object": f"VirtualService/{name}.default", "origin": f"{name}.yaml:1"} for name in "abcdefghijklm"]
    many = cast("Nack", {**NACK, "resources": [{"name": "all", "objects": objects, "objectCount": 1000}]})
    (_, line) = troubles([stream("a", {"rds": type_of("ERROR", rejected=many)})])
    assert line.startswith("  all from VirtualService/a.default a.yaml:1, VirtualService/b.default b.yaml:1, ")
    assert line.endswith("VirtualService/j.default j.yaml:1 and 990 more")
    known: Nack = {**NACK, "objects": [{"object": "VirtualService/x.default", "origin": "x.yaml:1"}]}
    assert list(troubles([stream("a", {"rds": type_of("ERROR", rejected=known)})]))[1:] == [
        "  from VirtualService/x.default x.yaml:1"
    ]


def test_what_was_refused_before_it_was_sent_is_shown_as_well() -> None:
    refused: Rejection = {
        "proxy": "a.default",
        "type": "rds",
        "reason": "Duplicate domain",
        "resources": ["http_proxy"],
        "objects": [{"object": "VirtualService/x.default", "origin": "x.yaml:1"}],
        "inPreflight": True,
    }
    assert list(troubles([{**stream("a", {}), "refused": [refused]}])) == [
        "a.default is not sent RDS http_proxy, which Envoy refused in preflight: Duplicate domain",
        "  from VirtualService/x.default x.yaml:1",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.9, "59s"), (60, "1m"), (3600, "1h"), (4320, "1h12m"), (86400, "1d"), (93600, "1d2h")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_one_proxy_is_chosen_by_name_or_node_id_and_a_stranger_is_told_who_is_there() -> None:
    assert select(STREAMS, "reviews.default") == select(STREAMS, "reviews") == STREAMS[:1]
    assert select(STREAMS, STREAMS[0]["proxyID"]) == STREAMS[:1]
    with pytest.raises(StartError, match=r"no proxy x is connected; connected are: details\.default, reviews\.default"):
        select(STREAMS, "x")


def test_a_terminal_gets_colour() -> None:
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=160).print(rich_table(table(STREAMS, 1000.0, verbose=True)))
    assert "\x1b[32mSYNCED (3m)" in out.getvalue()


class Syncz(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert self.path == "/debug/syncz"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(STREAMS).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Nothing."""


@pytest.fixture
def control_plane() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Syncz) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_documents_are_those_of_syncz(
    control_plane: str,
    output: str,
    load: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert callable(load)
    assert run(monkeypatch, "reviews", "-o", output, "--monitoring", control_plane) == 0
    assert load(capsys.readouterr().out) == STREAMS[:1]


def test_piped_output_is_plain_and_a_stranger_is_exit_1(
    control_plane: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--monitoring", control_plane) == 0
    assert capsys.readouterr().out.splitlines() == [
        *plain(table(STREAMS, 1000.0, verbose=False)),
        *troubles(STREAMS),
    ]
    assert run(monkeypatch, "x.y", "--monitoring", control_plane) == 1
    assert capsys.readouterr().err.startswith("pilothouse: no proxy x.y is connected")


def test_no_control_plane_is_one_line_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--monitoring", "127.0.0.1:9") == 1
    message = "pilothouse: no control plane answers on http://127.0.0.1:9: Connection refused\n"
    assert capsys.readouterr().err == message


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["pilothouse", "proxy-status", *arguments])
    try:
        main()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 0
    return 0
