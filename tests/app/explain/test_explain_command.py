"""``pilothouse explain`` as its users see it: every step, and the file and line behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.app.explain.mesh import line, write
from xds.app.cli import app
from xds.app.errors import StartError

FROM = ("--from", "client.default")
GATEWAY = ("--gateway", "front.default")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write(tmp_path).parent


def run(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["explain", "--config", str(config), *arguments])
    if isinstance(result.exception, StartError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def steps(config: Path, *arguments: str) -> Any:
    return json.loads(run(config, *arguments, "-o", "json"))


def lines(places: Any) -> list[tuple[str, int]]:
    return [(place["object"] + " " * ("field" in place) + place.get("field", ""), place["line"]) for place in places]


def policies(step: Any) -> dict[str, Any]:
    return {policy["name"]: policy for policy in step["policies"]}


def test_every_step_of_a_request_is_named_with_its_line(config: Path) -> None:
    found = steps(config, *FROM, "-H", "end-user: jason", "http://reviews/")

    assert found["listener"]["name"] == "0.0.0.0_80"
    assert found["virtualHost"]["domain"] == "reviews"
    assert lines(found["virtualHost"]["from"]) == [
        ("VirtualService/reviews.default", line("kind: VirtualService") - 1),
        ("Service/reviews.default", 1),
    ]
    (route,) = found["routes"]
    assert lines(route["from"]) == [("VirtualService/reviews.default spec.http[0].match[1]", line("- headers:"))]
    assert [each["reason"] for each in route["passedOver"]] == ["path is /"]


def test_policies_of_a_route_are_those_of_its_rule_or_defaults(config: Path) -> None:
    (route,) = steps(config, *FROM, "http://reviews/first")["routes"]
    found = policies(route)

    assert (found["timeout"]["value"], found["timeout"]["from"]["line"]) == ("2s", line("timeout:"))
    assert found["fault.abort"]["from"]["line"] == line("fault:")
    assert found["fault.abort"]["value"] == "http_status 418, percentage 25%"
    assert "from" not in found["retry_policy"]


def test_a_rule_of_a_delegate_is_named_where_it_is_written(config: Path) -> None:
    (config / "pods.yaml").write_text(
        "apiVersion: networking.istio.io/v1\n"
        "kind: VirtualService\n"
        "metadata: {name: root}\n"
        "spec:\n"
        "  hosts: [delegated.example.com]\n"
        "  http:\n"
        "  - {match: [{uri: {prefix: /none}}], directResponse: {status: 404}}\n"
        "  - {match: [{uri: {prefix: /sub}}], delegate: {name: child}}\n"
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: VirtualService\n"
        "metadata: {name: child}\n"
        "spec:\n"
        "  http:\n"
        "  - {match: [{uri: {prefix: /sub/a}}], directResponse: {status: 201}}\n"
        "  - {directResponse: {status: 202}}\n"
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: ServiceEntry\n"
        "metadata: {name: delegated}\n"
        "spec:\n"
        "  hosts: [delegated.example.com]\n"
        "  resolution: STATIC\n"
        "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
        "  endpoints: [{address: 10.0.0.1}]\n"
    )

    def written(path: str) -> list[tuple[str, int]]:
        (route,) = steps(config, *FROM, f"http://delegated.example.com{path}")["routes"]
        return lines(route["from"])

    assert written("/none") == [("VirtualService/root.default spec.http[0].match[0]", 7)]
    assert written("/sub/a") == [("VirtualService/child.default spec.http[0].match[0]", 15)]
    assert written("/sub/b") == [("VirtualService/child.default spec.http[1]", 16)]


def test_outcomes_have_shares_and_clusters_have_endpoints(config: Path) -> None:
    answered, forwarded = steps(config, *FROM, "http://reviews/first")["outcomes"]
    cluster = forwarded["forwarded"]["cluster"]

    assert (answered["share"], answered["answered"]["status"]) == (0.25, 418)
    assert (forwarded["share"], cluster["name"]) == (0.75, "outbound|80|v1|reviews.default.svc.cluster.local")
    (endpoint,) = cluster["endpoints"]
    assert (endpoint["address"], endpoint["share"]) == ("10.0.0.1:80", 1.0)
    assert lines([endpoint["from"]]) == [("Pod/reviews-1.default", line("kind: Pod") - 1)]


def test_policies_of_a_cluster_are_found_in_the_destination_rule(config: Path) -> None:
    outcome = steps(config, *FROM, "http://reviews/first")["outcomes"][1]
    found = policies(outcome["forwarded"]["cluster"])

    assert (found["lb_policy"]["value"], found["lb_policy"]["from"]["line"]) == ("RANDOM", line("RANDOM"))
    assert found["outlier_detection"]["from"]["field"] == "spec.subsets[0].trafficPolicy.outlierDetection"
    assert found["circuit_breakers"]["value"].endswith("max_connections 7")
    assert found["circuit_breakers"]["from"]["line"] == line("connectionPool:")


def test_a_connection_is_explained_too_and_its_port_has_a_policy_of_its_own(config: Path) -> None:
    found = steps(config, *FROM, "tcp://reviews:9000")
    (outcome,) = found["outcomes"]
    cluster = policies(outcome["forwarded"]["cluster"])

    assert found["listener"]["name"] == "10.96.0.1_9000"
    assert lines(found["filterChain"]["from"])[0] == (
        "VirtualService/reviews.default spec.tcp[0]",
        line("- route", "tcp:"),
    )
    assert cluster["lb_policy"]["from"]["field"] == "spec.trafficPolicy.portLevelSettings[0].loadBalancer"
    assert "circuit_breakers" not in cluster


def test_the_sidecar_of_an_endpoint_is_explained_if_that_is_asked_for(config: Path) -> None:
    outcome = steps(config, *FROM, "--inbound", "http://reviews/first")["outcomes"][1]
    found = outcome["forwarded"]["inbound"]
    (inner,) = found["outcomes"]

    assert (found["workload"], found["listener"]["name"]) == ("reviews-1.default", "virtualInbound")
    assert found["virtualHost"]["name"] == "inbound|http|80"
    assert (inner["share"], inner["forwarded"]["cluster"]["name"]) == (1.0, "inbound|80||")
    assert "inbound" not in steps(config, *FROM, "http://reviews/first")["outcomes"][1]["forwarded"]
    text = run(config, *FROM, "--inbound", "http://reviews/first")
    assert (
        "inbound            at reviews-1.default, in plain text\n  listener           virtualInbound (0.0.0.0:15006)"
        in text
    )


def test_a_connection_arrives_as_well_and_without_capture_at_the_workload_itself(config: Path) -> None:
    (outcome,) = steps(config, *FROM, "--inbound", "tcp://reviews:9000")["outcomes"]
    (inner,) = outcome["forwarded"]["inbound"]["outcomes"]
    assert inner["forwarded"]["cluster"]["name"] == "inbound|9000||"

    bare = ("--inbound", "--capture", "none", "http://reviews/first")
    outcome = steps(config, *FROM, *bare)["outcomes"][1]
    assert "inbound" not in outcome["forwarded"]


def test_a_redirect_says_where_to(config: Path) -> None:
    (outcome,) = steps(config, *FROM, "http://reviews/x")["outcomes"]

    assert outcome["answered"] == {"status": 301, "reason": "redirect", "location": "http://reviews/there"}


def test_the_text_says_the_same(config: Path) -> None:
    text = run(config, *FROM, "http://reviews/first")

    assert f"VirtualService/reviews.default spec.http[0].timeout  {config}/mesh.yaml:{line('timeout:')}" in text
    assert "  endpoint         10.0.0.1:80 100%" in text
    assert "answer             418: fault.abort, 25% of requests" in text
    assert "outbound|80|v1|reviews.default.svc.cluster.local (EDS), 75% of requests" in text


def test_a_gateway(config: Path) -> None:
    found = steps(config, *GATEWAY, "http://reviews:8080/")

    assert found["listener"]["from"][0]["line"] == line("kind: Gateway") - 1
    assert found["outcomes"] == [{"share": 1.0, "answered": {"status": 404, "reason": "no route matches"}}]


def test_a_port_of_several_addresses_has_to_be_decided(config: Path) -> None:
    with pytest.raises(StartError, match=r"10\.0\.0\.7_8081 .*10\.0\.0\.8_8081 .*--address"):
        run(config, *GATEWAY, "http://reviews:8081/")
    found = steps(config, *GATEWAY, "--address", "10.0.0.8", "http://reviews:8081/")

    assert found["listener"]["name"] == "10.0.0.8_8081"


def test_nothing_listens(config: Path) -> None:
    assert "ends               nothing listens on port 1" in run(config, *GATEWAY, "http://reviews:1/")


@pytest.mark.parametrize(
    "arguments",
    [
        ("http://reviews/",),
        (*FROM, *GATEWAY, "http://reviews/"),
        ("--from", "client", "http://reviews/"),
        (*FROM, "GET", "http://reviews/", "more"),
    ],
    ids=["nobody", "both", "no namespace", "too many words"],
)
def test_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["explain", "--config", str(config), *arguments]).exit_code == 2


def test_a_header_without_a_colon(config: Path) -> None:
    with pytest.raises(StartError, match="NAME: VALUE"):
        run(config, *FROM, "-H", "end-user", "http://reviews/")


def test_what_an_envoy_filter_put_there_is_named_with_its_object_and_line(config: Path) -> None:
    lua = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
    (config / "patches.yaml").write_text(
        f"""\
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: mine}}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {{context: SIDECAR_OUTBOUND}}
    patch: {{operation: INSERT_FIRST, value: {{name: my-code, typed_config: {{"@type": {lua}}}}}}}
  - applyTo: HTTP_ROUTE
    match: {{context: SIDECAR_OUTBOUND, routeConfiguration: {{vhost: {{domainName: reviews}}}}}}
    patch: {{operation: INSERT_FIRST, value: {{match: {{path: /mine}}, direct_response: {{status: 299}}}}}}
"""
    )
    found = steps(config, *FROM, "http://reviews/mine")

    (mark,) = found["filterChain"]["patched"]
    assert (mark["what"], lines([mark["from"]])) == ("my-code", [("EnvoyFilter/mine.default spec.configPatches[0]", 6)])
    assert found["filterChain"]["filters"][:2] == ["envoy.filters.network.http_connection_manager", "my-code"]
    (route,) = found["routes"]
    assert lines(route["from"]) == [("EnvoyFilter/mine.default spec.configPatches[1]", 9)]
    assert "my-code" in run(config, *FROM, "http://reviews/mine")
