"""What is written of a request or a connection: Istio's own formats, and those that are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import DataSource, SubstitutionFormatString
from envoy_data_plane.google.protobuf import ListValue, Struct, Value

TEXT_FORMAT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" '
    '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" '
    '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% '
    "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% "
    "%ROUTE_NAME%\n"
)


JSON_FORMAT: Final[Mapping[str, str]] = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "route_name": "%ROUTE_NAME%",
}


def text_format(given: str, *, omit_empty: bool = False) -> SubstitutionFormatString:
    """A line of text; Istio's if none is given."""
    line = given if not given or given.endswith("\n") else f"{given}\n"
    return SubstitutionFormatString(
        text_format_source=DataSource(inline_string=line or TEXT_FORMAT), omit_empty_values=omit_empty
    )


def json_format(given: str, *, omit_empty: bool = False) -> SubstitutionFormatString:
    """An object, given as JSON text, whose strings are formats in their turn; Istio's if there is nothing in it."""
    values = json.loads(given) if given else {}
    return SubstitutionFormatString(json_format=_struct(values or JSON_FORMAT), omit_empty_values=omit_empty)


def _struct(values: Mapping[str, object]) -> Struct:
    return Struct(fields={name: _value(value) for name, value in values.items()})


def _value(value: object) -> Value:
    match value:
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case Mapping():
            return Value(struct_value=_struct(value))
        case list():
            return Value(list_value=ListValue(values=[_value(item) for item in value]))
        case _:
            return Value(string_value=str(value))
