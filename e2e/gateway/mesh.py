"""What the gateway of these tests is configured with: two addresses, and VirtualServices that share a host."""

from __future__ import annotations

from collections.abc import Mapping

from e2e.services import service

PORT = 8080


def configuration(front: str, back: str, instances: Mapping[str, str]) -> Mapping[str, str]:
    """The files of the configuration folder. front, back: the addresses that the gateway binds."""
    return {
        "services.yaml": service("shop", instances),
        "gateways.yaml": _GATEWAYS.format(front=front, back=back, port=PORT),
        "routes.yaml": _ROUTES,
    }


_GATEWAYS = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: front
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {front}
    hosts:
    - shop.example.com
    - "*.wild.example.com"
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: back
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {back}
    hosts:
    - "*"
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: of-another-gateway
spec:
  selector:
    istio: egressgateway
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {front}
    hosts:
    - unknown.example.com
"""

_ROUTES = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop-younger
  creationTimestamp: "2021-01-01T00:00:00Z"
spec:
  hosts:
  - shop.example.com
  gateways:
  - front
  http:
  - match:
    - uri:
        exact: /login
    - uri:
        prefix: /cart
    route:
    - destination:
        host: shop
        subset: v2
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop-older
  creationTimestamp: "2020-01-01T00:00:00Z"
spec:
  hosts:
  - shop.example.com
  gateways:
  - front
  http:
  - match:
    - uri:
        exact: /login
    route:
    - destination:
        host: shop
        subset: v1
  - match:
    - uri:
        exact: /moved
    redirect:
      uri: /login
  - match:
    - uri:
        prefix: /api/
    rewrite:
      uri: /
    route:
    - destination:
        host: shop
        subset: v2
  - route:
    - destination:
        host: shop
        subset: v1
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: wild
spec:
  hosts:
  - a.wild.example.com
  gateways:
  - front
  http:
  - match:
    - uri:
        prefix: /only
    route:
    - destination:
        host: shop
        subset: v2
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: everything
spec:
  hosts:
  - "*"
  gateways:
  - back
  http:
  - route:
    - destination:
        host: shop
        subset: v2
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: of-sidecars
spec:
  hosts:
  - b.wild.example.com
  http:
  - route:
    - destination:
        host: shop
"""
