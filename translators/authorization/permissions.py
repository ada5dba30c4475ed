"""Conditions on what is asked for, as Envoy's ``Permission``."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.config.rbac.v3 import Permission, SourcedMetadata
from envoy_data_plane.envoy.extensions.path.match.uri_template.v3 import UriTemplateMatchConfig
from envoy_data_plane.envoy.type.matcher.v3 import (
    ListMatcher,
    MetadataMatcher,
    MetadataMatcherPathSegment,
    PathMatcher,
    ValueMatcher,
)

from translators.authorization.logic import Logic
from translators.authorization.principals import header_matcher
from translators.authorization.texts import pattern
from translators.listener.address import cidr_range
from xds.model.authorization import Attribute
from xds.wire.encode import pack_any

_TEMPLATES: Final = "envoy.path.match.uri_template.uri_template_matcher"


def _path(_names: tuple[str, ...], value: str) -> Permission:
    """Envoy writes the operators of a template without braces."""
    if "{" in value:
        template = UriTemplateMatchConfig(path_template=value.replace("{", "").replace("}", ""))
        return Permission(uri_template=TypedExtensionConfig(name=_TEMPLATES, typed_config=pack_any(template)))
    return Permission(url_path=PathMatcher(path=pattern(value)))


def _metadata(names: tuple[str, ...], value: str) -> Permission:
    """Of a filter of Envoy; a value in brackets is one of a list (Istio)."""
    filter_name, key = names
    listed = value.startswith("[") and value.endswith("]")
    alone = ValueMatcher(string_match=pattern(value[1:-1] if listed else value))
    matcher = ValueMatcher(list_match=ListMatcher(one_of=alone)) if listed else alone
    path = [MetadataMatcherPathSegment(key=key)]
    asked = MetadataMatcher(filter=filter_name, path=path, value=matcher)
    return Permission(sourced_metadata=SourcedMetadata(metadata_matcher=asked))


PERMISSIONS: Final = Logic(
    {
        Attribute.HOST: lambda _, value: Permission(header=header_matcher(":authority", value, ignore_case=True)),
        Attribute.METHOD: lambda _, value: Permission(header=header_matcher(":method", value)),
        Attribute.PATH: _path,
        Attribute.DESTINATION_IP: lambda _, value: Permission(destination_ip=cidr_range(value)),
        Attribute.DESTINATION_PORT: lambda _, value: Permission(destination_port=int(value)),
        Attribute.SERVER_NAME: lambda _, value: Permission(requested_server_name=pattern(value)),
        Attribute.FILTER_METADATA: _metadata,
    }
)
