"""What proxies of the demo prove by who they are: certificates in files, as nobody is beside them to ask for one."""

from __future__ import annotations

from pathlib import Path

from examples.bookinfo.topology import MESH_CONFIG
from xds.app.bootstrap_tls import XdsTls
from xds.app.loading import load_settings
from xds.app.proxy_spec import ProxySpec
from xds.app.security import open_authority
from xds.ca.disk import Disk
from xds.ca.keyed import keyed_svid
from xds.model.identity import SpiffeId


def proof_of(spec: ProxySpec, ca_dir: Path, folder: Path) -> XdsTls:
    """A certificate for a proxy, in files of ``folder``. ca_dir: of the authority, which is made if it is not there."""
    authority = open_authority(ca_dir, load_settings(MESH_CONFIG).trust_domain)
    trust_domain = authority.stored.trust_domain
    svid = keyed_svid(authority, SpiffeId.of_workload(trust_domain, spec.namespace, spec.service_account))
    chain, key = folder / f"{spec.name}-chain.pem", folder / f"{spec.name}-key.pem"
    for path, content in ((chain, svid.chain), (key, svid.key)):
        Disk().write(path, content)
    return XdsTls(str(ca_dir / "root-cert.pem"), str(chain), str(key))
