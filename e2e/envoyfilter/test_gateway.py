"""EnvoyFilters for a gateway: a listener of its own, its connection manager, its virtual hosts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from e2e.envoyfilter.mesh import envoy_filter, instance
from e2e.gateway.test_gateway import start
from e2e.lab import Lab
from e2e.services import service
from xds.app.demo.shop import Answer, fetch
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType
