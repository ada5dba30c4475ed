"""What gRPC clients without a proxy are given: they read xDS themselves and ask for everything by name.

A client that dials ``xds:///reviews:80`` asks for the Listener of that name, which leads to the RouteConfiguration,
clusters and endpoints of the service port. Source: the gRPC proposals A27, A28, A41 and A42; names are Istio's
(``pilot/pkg/networking/grpcgen``). What a client does not know in a route (rewrites, mirrors, changed headers,
``RouteAction.timeout``) it passes over; what would make it reject a whole resource is not sent to it.
"""

from translators.endpoints import translate as translate_endpoints
from translators.grpc import clusters, listeners, routes
from xds.pipeline import Translator

DEFAULT: tuple[Translator, ...] = (clusters.translate, translate_endpoints, listeners.translate, routes.translate)
"""The translators for gRPC clients. Endpoints are the same as Envoy's."""
