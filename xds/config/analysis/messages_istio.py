"""The messages that Istio has a code for, by the code of our diagnostics. Codes, names and levels are Istio's, except
that what keeps an object from taking effect is always an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from xds.config.analysis.message import Message
from xds.model.diagnostic import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_NOT_FOUND: Final = Message(
    "IST0101",
    "ReferencedResourceNotFound",
    "An object names another one that does not exist.",
    "Correct the name, or add what it names.",
    _ERROR,
)
_SCHEMA: Final = Message(
    "IST0106",
    "SchemaValidationError",
    "The document is not what its kind's schema allows, or a value is not what the field takes. It has no effect; the "
    "last version that was right stays in force.",
    "Correct the field.",
    _ERROR,
)
_SCHEMA_REMARK: Final = Message(
    "IST0133",
    "SchemaWarning",
    "The document is valid, but part of it has no effect, or not the effect that it looks like.",
    "Take the field out, or write what is meant.",
)

ISTIO: Final[Mapping[str, Message]] = {
    "unknown-host": replace(_NOT_FOUND, remedy="Correct the host, or declare the service."),
    "unknown-namespace": replace(
        _NOT_FOUND, remedy="Correct the name, or add what is to be in the namespace.", level=Severity.WARNING
    ),
    "unknown-subset": replace(
        _NOT_FOUND, remedy="Define the subset in a DestinationRule, or route to one that exists."
    ),
    "unknown-credential": replace(
        _NOT_FOUND, remedy="Correct the name, or add the Secret to the namespace in which the proxies run."
    ),
    "unknown-delegate": replace(_NOT_FOUND, remedy="Correct the delegate's name and namespace, or add it."),
    "unknown-gateway": replace(_NOT_FOUND, remedy="Correct the name, as namespace/name, or add the Gateway."),
    "unknown-gateway-workload": replace(
        _NOT_FOUND,
        remedy="Start a gateway proxy with these labels, or correct the selector.",
        level=None,  # proxies may connect without a Pod or WorkloadEntry that describes them
    ),
    "no-proxy": Message(
        "IST0103",
        "PodMissingProxy",
        "A Pod of a namespace with injection has no proxy: its traffic is outside the mesh.",
        "Start the Pod again, so that a proxy is added, or label it sidecar.istio.io/inject=false.",
        _WARNING,
    ),
    **dict.fromkeys(
        (
            "missing-field",
            "conflicting-fields",
            "out-of-range",
            "invalid-credential",
            "invalid-value",
            "invalid-format",
            "invalid-enum",
            "not-an-object",
            "wrong-type",
            "unknown-field",
            "unknown-version",
            "non-string-key",
            "duplicate",
            "duplicate-key",
            "too-large",
        ),
        _SCHEMA,
    ),
    "duplicate-route": Message(
        "IST0109",
        "ConflictingMeshGatewayVirtualServiceHosts",
        "Two VirtualServices for sidecars have the same host. Sidecars do not merge them: the oldest has the host.",
        "Merge them into one, or let one delegate to the others.",
        _ERROR,
    ),
    **dict.fromkeys(
        ("duplicate-server-name", "port-conflict"),
        Message(
            "IST0145",
            "ConflictingGateways",
            "Servers of two Gateways that the same proxies run cannot both have what they ask for: the oldest has it.",
            "Give them different ports or hosts, or make one Gateway of them.",
            _ERROR,
        ),
    ),
    "second-sidecar": Message(
        "IST0110",
        "ConflictingSidecarWorkloadSelectors",
        "Two Sidecars of a namespace select the same workload. The oldest holds.",
        "Give them selectors that no workload has both of, or merge them.",
        _ERROR,
    ),
    "second-default-sidecar": Message(
        "IST0111",
        "MultipleSidecarsWithoutWorkloadSelectors",
        "Two Sidecars of a namespace have no workload selector. The oldest holds.",
        "Keep one of them, or give the other a selector.",
        _ERROR,
    ),
    "port-required": Message(
        "IST0112",
        "VirtualServiceDestinationPortSelectorRequired",
        "A route leads to a service with several ports and does not say which.",
        "Give the destination a port.number.",
        _ERROR,
    ),
    "port-protocols-differ": Message(
        "IST0116",
        "DeploymentAssociatedToMultipleServices",
        "Two services have the same workloads and the same port, with different protocols.",
        "Give both ports the same protocol, or different numbers.",
        _WARNING,
    ),
    "undeclared-protocol": Message(
        "IST0118",
        "PortNameIsNotUnderNamingConvention",
        "A port declares no protocol, so that it is detected from the first bytes of each connection. Where the server "
        "speaks first, these never come.",
        "Set appProtocol, or begin the port's name with the protocol: http-web, tcp-db.",
        _INFO,
    ),
    "invalid-regex": Message(
        "IST0122",
        "InvalidRegexp",
        "A regular expression is not RE2, which Envoy uses.",
        "Write it in RE2's syntax: without look-around and back-references.",
        _ERROR,
    ),
    "two-injection-labels": Message(
        "IST0123",
        "NamespaceMultipleInjectionLabels",
        "A Namespace has more than one label that decides on injection.",
        "Keep one of them.",
        _WARNING,
    ),
    "nothing-selected": Message(
        "IST0127",
        "NoMatchingWorkloadsFound",
        "An object is for the workloads with certain labels, and there are none.",
        "Correct the selector or the labels of the workloads.",
        _WARNING,
    ),
    "unverified-server": Message(
        "IST0128",
        "NoServerCertificateVerificationDestinationLevel",
        "A DestinationRule asks for TLS and names no authority: the certificate of the server is compared with the "
        "roots that the proxy's system trusts, or, with insecureSkipVerify, with nothing.",
        "Name the authority's certificates in caCertificates, or a secret in credentialName.",
        _WARNING,
    ),
    "unverified-server-port": Message(
        "IST0129",
        "NoServerCertificateVerificationPortLevel",
        "The same as IST0128, for one port of the service.",
        "Name the authority's certificates in caCertificates, or a secret in credentialName, at the port's level.",
        _WARNING,
    ),
    "shadowed-rule": Message(
        "IST0130",
        "VirtualServiceUnreachableRule",
        "A rule is never reached, because rules before it take all requests that it is for.",
        "Move it before the other, make its match narrower, or take it out.",
        _WARNING,
    ),
    "shadowed-match": Message(
        "IST0131",
        "VirtualServiceIneffectiveMatch",
        "One match of a rule is never met, because a rule before it has the same match. Others of its matches are.",
        "Take the match out of one of the rules.",
        _INFO,
    ),
    "host-not-in-gateway": Message(
        "IST0132",
        "VirtualServiceHostNotFoundInGateway",
        "A VirtualService is bound to a Gateway that does not have its host, or not for its namespace.",
        "Add the host to a server of the Gateway, or bind the VirtualService to another.",
        _WARNING,
    ),
    **dict.fromkeys(("not-honoured", "not-supported", "no-effect", "weights", "empty-selector"), _SCHEMA_REMARK),
    "http-only-condition": replace(
        _SCHEMA_REMARK,
        meaning="A DENY rule asks for what only requests have, and is for ports that are not HTTP too: there it "
        "denies everything.",
        remedy="Name the ports that are meant in to.operation.ports.",
    ),
    "addresses-required": Message(
        "IST0134",
        "ServiceEntryAddressesRequired",
        "A ServiceEntry has a TCP port and no addresses: without these, nothing tells its connections from others.",
        "Give it addresses, or declare HTTP or TLS, which name the host that is meant.",
        _WARNING,
    ),
    "port-numbers-differ": Message(
        "IST0137",
        "DeploymentConflictingPorts",
        "Two services lead to the same port of the same workloads by different port numbers.",
        "Use one number, or another targetPort.",
        _WARNING,
    ),
    "proxy-user": Message(
        "IST0144",
        "InvalidApplicationUID",
        "A container runs as the user of the proxy, whose traffic is not captured.",
        "Run it as another user.",
        _WARNING,
    ),
    "claims-without-tokens": Message(
        "IST0149",
        "JwtClaimBasedRoutingWithoutRequestAuthN",
        "Requests are routed by the claims of a token, but nothing verifies tokens at the gateway, so that the routes "
        "never match.",
        "Add a RequestAuthentication for the gateway's proxies.",
        _ERROR,
    ),
    "external-name-port": Message(
        "IST0150",
        "ExternalNameServiceTypeInvalidPortName",
        "A port of an ExternalName service is not HTTP: with no address of its own, it would take every connection to "
        "that port.",
        "Name the port for HTTP, or use a ServiceEntry with addresses.",
        _WARNING,
    ),
    "relative-operation": Message(
        "IST0151",
        "EnvoyFilterUsesRelativeOperation",
        "An EnvoyFilter without priority changes what must be there before it.",
        "Give it a priority, or use INSERT_FIRST or ADD.",
        _WARNING,
    ),
    "replace-without-effect": Message(
        "IST0152",
        "EnvoyFilterUsesReplaceOperationIncorrectly",
        "REPLACE is for filters only.",
        "Use MERGE, or REMOVE and ADD.",
        _ERROR,
    ),
    "add-without-effect": Message(
        "IST0153",
        "EnvoyFilterUsesAddOperationIncorrectly",
        "ADD is not for route configurations: each belongs to a listener that names it.",
        "Add a virtual host or a route to one that exists.",
        _ERROR,
    ),
    "remove-without-effect": Message(
        "IST0154",
        "EnvoyFilterUsesRemoveOperationIncorrectly",
        "REMOVE is not for route configurations: the listener that names one would never start.",
        "Remove its virtual hosts or routes.",
        _ERROR,
    ),
    "relative-operation-of-version": Message(
        "IST0155",
        "EnvoyFilterUsesRelativeOperationWithProxyVersion",
        "As IST0151, for proxies of one version: after an upgrade it is not applied.",
        "Give it a priority, or use INSERT_FIRST or ADD.",
        _WARNING,
    ),
    "unusable-credential": Message(
        "IST0161",
        "InvalidGatewayCredential",
        "A Secret that is asked for does not have what is needed of it. A server of a Gateway that asks for it is left "
        "out; connections that need it fail.",
        "Add what is missing to the Secret, or name another one.",
        _ERROR,
    ),
    "port-not-on-service": Message(
        "IST0162",
        "GatewayPortNotDefinedOnService",
        "A server of a Gateway listens on a port that the Service in front of the proxy does not have.",
        "Add the port to the Service.",
        _WARNING,
    ),
    "ineffective-selector": Message(
        "IST0166",
        "IneffectiveSelector",
        "A policy selects pods of a Kubernetes Gateway, which obey only what names the Gateway.",
        "Use targetRefs.",
        _WARNING,
    ),
    "ineffective-policy": Message(
        "IST0167",
        "IneffectivePolicy",
        "An object is for workloads that do not obey its kind.",
        "Take it out, or select workloads with a sidecar.",
        _WARNING,
    ),
    "empty-subset": Message(
        "IST0173",
        "DestinationRuleSubsetNotSelectPods",
        "No endpoint has the labels of a subset: what is routed to it fails with 503.",
        "Correct the labels, start the workloads, or take the subset out.",
        _ERROR,
    ),
    "unknown-rule-host": Message(
        "IST0174",
        "UnknownDestinationRuleHost",
        "A DestinationRule is for a host that no service has.",
        "Correct the host, writing it in full if it is of another namespace, or declare the service.",
        _WARNING,
    ),
    "protocols-contradict": Message(
        "IST0177",
        "ServiceEntryProtocolsConflict",
        "Two ServiceEntries give one port of one host different protocols.",
        "Give it the same protocol in both.",
        _WARNING,
    ),
}
