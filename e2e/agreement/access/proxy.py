"""The listener of a case: TLS if it ends any, the filter under test, and an answer that tells what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from betterproto2 import Message
from envoy_data_plane.envoy.config.accesslog.v3 import (
    AccessLogFilter,
    ComparisonFilter,
    ComparisonFilterOp,
    StatusCodeFilter,
)
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    DataSource,
    HeaderValue,
    HeaderValueOption,
    RuntimeUInt32,
    SocketAddress,
    TransportSocket,
)
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener, ListenerFilter
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector.v3 import TlsInspector
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    LocalReplyConfig,
    ResponseMapper,
)
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    DownstreamTlsContext,
    TlsCertificate,
)
from envoy_data_plane.envoy.type.matcher.v3 import (
    MetadataMatcher,
    MetadataMatcherPathSegment,
    StringMatcher,
    ValueMatcher,
)

from e2e.agreement.access.identities import Identities
from e2e.agreement.access.tokens import ISSUERS
from e2e.agreement.access.world import PORT, Case, Kind
from xds.explain.access.jwt_authn import NOTES
from xds.resources import CLUSTER, LISTENER, Resource, ResourceSet, Snapshot
from xds.wire.encode import encode, pack_any

DETAILS, SHADOW = "x-details", "x-shadow"
"""Headers of an answer: why it is what it is (Envoy's response code details), and what the shadow rules say."""

_CLUSTER: Final = "endpoint"
_SHADOW_POLICY: Final = "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_effective_policy_id)%"


def snapshot(case: Case, address: str, identities: Identities, endpoint: int) -> Snapshot:
    """endpoint: the port on loopback where connections go that are let through."""
    socket = _tls(identities) if case.tls else None
    filters = _requests(case) if case.kind is Kind.REQUESTS else _connections(case)
    chain = FilterChain(filters=filters, transport_socket=socket)
    inspector = ListenerFilter(name="tls", typed_config=pack_any(TlsInspector()))
    listener = Listener(
        name=address,
        address=_address(address, PORT),
        filter_chains=[chain],
        listener_filters=[inspector] if case.tls else [],
    )
    cluster = Cluster(
        name=_CLUSTER,
        type=ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=5),
        load_assignment=ClusterLoadAssignment(
            cluster_name=_CLUSTER,
            endpoints=[
                LocalityLbEndpoints(
                    lb_endpoints=[LbEndpoint(endpoint=Endpoint(address=_address("127.0.0.1", endpoint)))]
                )
            ],
        ),
    )
    return Snapshot(
        {
            LISTENER: ResourceSet.of([Resource.of(LISTENER, address, encode(listener))]),
            CLUSTER: ResourceSet.of([Resource.of(CLUSTER, _CLUSTER, encode(cluster))]),
        }
    )


def _address(ip: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=ip, port_value=port))


def _requests(case: Case) -> list[Filter]:
    host = VirtualHost(name="all", domains=["*"], routes=[_route(201, _ISSUED_BY_A), _route(200)])
    deciding = [each for each in case.filters if isinstance(each, HttpFilter)]
    authentication = [_http(NOTES, case.tokens)] if case.tokens is not None else []
    manager = HttpConnectionManager(
        stat_prefix="access",
        route_config=RouteConfiguration(name="table", virtual_hosts=[host]),
        http_filters=[*authentication, *deciding, _http("router", Router())],
        normalize_path=True,
        use_remote_address=case.edge,
        xff_num_trusted_hops=case.hops,
        local_reply_config=_telling_why(),
    )
    return [_network("http", manager)]


def _route(status: int, *noted: MetadataMatcher) -> Route:
    """Answers by itself if this has been noted."""
    match = RouteMatch(prefix="/", dynamic_metadata=list(noted))
    shadow = _header(SHADOW, _SHADOW_POLICY)
    return Route(match=match, direct_response=DirectResponseAction(status=status), response_headers_to_add=[shadow])


_ISSUED_BY_A: Final = MetadataMatcher(
    filter=NOTES,
    path=[MetadataMatcherPathSegment(key=key) for key in ("payload", "iss")],
    value=ValueMatcher(string_match=StringMatcher(exact=ISSUERS[0])),
)


def _connections(case: Case) -> list[Filter]:
    deciding = [each for each in case.filters if isinstance(each, Filter)]
    return [*deciding, _network("tcp", TcpProxy(stat_prefix="tcp", cluster=_CLUSTER))]


def _network(name: str, config: Message) -> Filter:
    return Filter(name=name, typed_config=pack_any(config))


def _http(name: str, config: Message) -> HttpFilter:
    return HttpFilter(name=name, typed_config=pack_any(config))


def _telling_why() -> LocalReplyConfig:
    always = ComparisonFilter(
        op=ComparisonFilterOp.GE, value=RuntimeUInt32(default_value=400, runtime_key="no.such.key")
    )
    of_all = AccessLogFilter(status_code_filter=StatusCodeFilter(comparison=always))
    mapper = ResponseMapper(filter=of_all, headers_to_add=[_header(DETAILS, "%RESPONSE_CODE_DETAILS%")])
    return LocalReplyConfig(mappers=[mapper])


def _header(name: str, value: str) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=value))


def _tls(identities: Identities) -> TransportSocket:
    """Certificates are asked for and not demanded."""
    own = TlsCertificate(
        certificate_chain=DataSource(inline_string=identities.server_chain),
        private_key=DataSource(inline_string=identities.server_key),
    )
    trusted = CertificateValidationContext(trusted_ca=DataSource(inline_string=identities.roots))
    common = CommonTlsContext(tls_certificates=[own], validation_context=trusted)
    context = DownstreamTlsContext(common_tls_context=common)
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=pack_any(context))
