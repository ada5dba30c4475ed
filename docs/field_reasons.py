"""Why a field is not honoured, by kind. A path stands for itself, and with ``.*`` for what is below.

What may still come says "not yet", which is also the reason for every field of the kinds in `NOT_YET` without another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LATER: Final = "not yet"
FOR_OTHERS: Final = "no: written for others than a proxy"

_OWN_NAMESPACE: Final = "no: Istio allows nothing but an empty value"
_UNVERIFIED: Final = "no: Istio has not settled how modules are signed, and does not verify either; `sha256` is checked"

NOT_YET: Final = frozenset(
    {
        "DestinationRule",
        "MeshConfig",
        "Sidecar",
        "Telemetry",
    }
)
"""Kinds of which more is to be honoured."""

REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "AuthorizationPolicy": {
        "spec.targetRef.namespace": _OWN_NAMESPACE,
        "spec.targetRefs.namespace": _OWN_NAMESPACE,
    },
    "Gateway": {
        "spec.servers.defaultEndpoint": "no: Istio does not implement it either",
        "spec.servers.port.targetPort": "no: an error, as in Istio: the Service of the gateway has it",
        "spec.servers.tls.tlsCertificates.caCertificates": "no: as in Istio, those of the server itself hold",
    },
    "MeshConfig": {
        **dict.fromkeys(
            (
                "ca.*",
                "certificates.*",
                "configSources.*",
                "discoverySelectors.*",
                "enablePrometheusMerge",
                "ingressClass",
                "ingressControllerMode",
                "ingressSelector",
                "ingressService",
            ),
            "no: settles what istiod itself does in a Kubernetes cluster",
        ),
        **dict.fromkeys(
            (
                "defaultConfig.binaryPath",
                "defaultConfig.configPath",
                "defaultConfig.controlPlaneAuthPolicy",
                "defaultConfig.customConfigFile",
                "defaultConfig.discoveryRefreshDelay",
                "defaultConfig.holdApplicationUntilProxyStarts",
                "defaultConfig.image.*",
                "defaultConfig.parentShutdownDuration",
                "defaultConfig.proxyBootstrapTemplatePath",
                "defaultConfig.readinessProbe.*",
                "defaultConfig.sds.*",
                "defaultConfig.statusPort",
                "defaultConfig.terminationDrainDuration",
            ),
            "no: settles what Istio's agent or injector does; `pilothouse agent` has options for what it does itself",
        ),
        **dict.fromkeys(
            (
                "defaultConfig.concurrency",
                "defaultConfig.drainDuration",
                "defaultConfig.fileFlushInterval",
                "defaultConfig.fileFlushMinSizeKb",
            ),
            "no: Envoy takes it from its command line (`--concurrency`, `--drain-time-s`, "
            "`--file-flush-interval-msec`, `--file-flush-min-size-kb`), not from a configuration",
        ),
        **dict.fromkeys(
            (
                "defaultConfig.tracing.lightstep.*",
                "defaultConfig.tracing.openCensusAgent.*",
                "defaultConfig.tracing.stackdriver.*",
            ),
            "no: stock Envoy has no such tracer any more",
        ),
        **dict.fromkeys(
            ("serviceSettings.*", "serviceScopeConfigs.*"),
            "no: there is one cluster, and every service in it is local",
        ),
        "defaultConfig.extraStatTags": "no: names tags of the metrics of Istio's own filter, which stock Envoy lacks",
        "defaultConfig.statsCompression": "no: settles how Istio's bootstrap serves statistics; Envoy's admin "
        "interface has no such choice",
        "defaultConfig.privateKeyProvider.*": "no: stock Envoy is built without these providers",
        "defaultConfig.proxyHeaders.metadataExchangeHeaders.*": "no: stock Envoy exchanges no metadata",
        **dict.fromkeys(
            ("outboundTrafficPolicy.tls.credentialName", "outboundTrafficPolicy.tls.caCertCredentialName"),
            "no: a sidecar asks for a secret only where a rule names its workload, so that nobody waits for one that "
            "it may not have; name files",
        ),
        "defaultTrafficPolicy.outlierDetection.consecutiveErrors": "no: given up by Istio; say consecutive5xxErrors or "
        "consecutiveGatewayErrors",
        "defaultConfig.discoveryAddress": "no: `pilothouse bootstrap --xds` says it",
        "defaultConfig.interceptionMode": "no: `pilothouse bootstrap --capture` says it",
        "defaultConfig.proxyStatsMatcher.*": "no: a proxy keeps all statistics of Envoy, so there is nothing to add",
        "defaultConfig.statNameLength": "no: Envoy has had no such limit for long",
        "defaultConfig.zipkinAddress": "no: given up by Istio",
        "defaultConfig.envoyMetricsServiceAddress": "no: given up by Istio",
        "defaultConfig.availabilityZone": "no: given up by Istio; a proxy says its locality itself",
        "defaultHttpRetryPolicy.perTryTimeout": "no: Istio has it for routes only",
        "hboneIdleTimeout": "no: HBONE needs Istio's ambient proxies",
        "verifyCertificateAtClient": "no: given up by Istio, which always verifies",
        **dict.fromkeys(
            (
                "defaultInboundHttpRetryPolicy.perTryTimeout",
                "defaultInboundHttpRetryPolicy.retryIgnorePreviousHosts",
                "defaultInboundHttpRetryPolicy.retryRemoteLocalities",
            ),
            "no: a workload's proxy has one host to try",
        ),
        "extensionProviders.envoyExtAuthzHttp.includeRequestBodyInCheck.packAsBytes": "no: chooses a field of gRPC's "
        "message; over HTTP a body is bytes anyway",
        **dict.fromkeys(
            ("extensionProviders.lightstep.*", "extensionProviders.opencensus.*", "extensionProviders.stackdriver.*"),
            "no: stock Envoy has no such tracer any more",
        ),
    },
    "EnvoyFilter": {
        "spec.configPatches.match.waypoint.*": "no: for waypoints, the proxies of Istio's ambient mode",
        "spec.targetRefs.*": "no: names Gateways of the Gateway API and waypoints, which are not here",
    },
    "ProxyConfig": {
        "spec.concurrency": "no: Envoy takes it from its command line (`--concurrency`), not from a configuration",
        "spec.image.*": "no: settles what Istio's injector does, which is not here",
    },
    "RequestAuthentication": {
        "spec.targetRef.namespace": _OWN_NAMESPACE,
        "spec.targetRefs.namespace": _OWN_NAMESPACE,
    },
    "TrafficExtension": {
        "spec.targetRefs.namespace": _OWN_NAMESPACE,
        "spec.wasm.imagePullSecret": LATER,
        "spec.wasm.verificationKey": _UNVERIFIED,
    },
    "WasmPlugin": {
        "spec.imagePullSecret": LATER,
        "spec.targetRef.namespace": _OWN_NAMESPACE,
        "spec.targetRefs.namespace": _OWN_NAMESPACE,
        "spec.verificationKey": _UNVERIFIED,
    },
    "Sidecar": {
        **dict.fromkeys(
            ("spec.egress.port.targetPort", "spec.ingress.port.targetPort"),
            "no: Istio has no use for it; `defaultEndpoint` says where a workload listens",
        ),
        **dict.fromkeys(
            ("spec.inboundConnectionPool.http.h2UpgradePolicy", "spec.ingress.connectionPool.http.h2UpgradePolicy"),
            "no: Istio speaks to a workload what its port says, or the client's version with `useClientProtocol`",
        ),
        **dict.fromkeys(
            (
                "spec.ingress.tls.caCertCredentialName",
                "spec.ingress.tls.credentialName",
                "spec.ingress.tls.credentialNames",
                "spec.ingress.tls.httpsRedirect",
                "spec.ingress.tls.subjectAltNames",
            ),
            "no: Istio has it for Gateways, and refuses it here",
        ),
    },
    "WorkloadGroup": {
        "spec.template.address": "no: the proxy that registers its workload says it",
    },
    "VirtualService": {
        "spec.http.fault.abort.http2Error": "no: Envoy's fault filter aborts with an HTTP or a gRPC status, not "
        "with a reset; Istio does not implement it either",
        "spec.http.fault.delay.exponentialDelay": "no: Envoy's fault filter has fixed delays only; Istio does not "
        "implement it either",
    },
}
