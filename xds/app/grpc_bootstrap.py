"""The configuration that a gRPC client's xDS starts with: the file that ``GRPC_XDS_BOOTSTRAP`` names."""

from __future__ import annotations

from xds.app.proxy_spec import ProxySpec
from xds.model.services import Locality


def grpc_bootstrap(spec: ProxySpec, xds_address: str) -> dict[str, object]:
    """A bootstrap as the gRPC proposals A27 and A30 define it. xds_address: ``HOST:PORT`` of the control plane."""
    server = {
        "server_uri": xds_address,
        "channel_creds": [{"type": "insecure"}],
        "server_features": ["xds_v3"],
    }
    node = {
        "id": spec.node_id,
        "cluster": f"{spec.labels.get('app', spec.name)}.{spec.namespace}",
        "metadata": spec.metadata,
        "locality": Locality.parse(spec.locality)._asdict(),
    }
    return {"xds_servers": [server], "node": node}
