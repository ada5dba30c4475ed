"""The messages that Istio has no code for, by the code of our diagnostics, which is theirs too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.config.analysis.message import Message

_ALL: Final = (
    Message(
        "authority-folder",
        "AuthorityFolder",
        "The folder of the certificate authority cannot be read or written. What is in force stays; certificates are "
        "issued, and no step of a rotation is made.",
        "Make room on its disk, or correct what the reason says; it is tried again every minute.",
    ),
    Message(
        "doubtful-credential",
        "DoubtfulCredential",
        "Certificates of a Secret or ConfigMap do not belong together: some clients or servers refuse them.",
        "Put the chain in order, leaf first; use certificates of authorities, and a list of revoked ones for each.",
    ),
    Message(
        "duplicate-host",
        "DuplicateHost",
        "Two objects declare the same host in one namespace. The first stays in force.",
        "Rename one of them, or take it out.",
    ),
    Message(
        "duplicate-object",
        "DuplicateObject",
        "The same object is written in several places. The first, by file name and line, is in force.",
        "Keep one of them.",
    ),
    Message(
        "emptied-folder",
        "EmptiedFolder",
        "Every file has gone from the folder of the configuration, as if it were not mounted. All that was last read "
        "stays in force.",
        "Bring the files back. To remove everything on purpose, leave one file, which may have a comment alone.",
    ),
    Message(
        "expired-credential",
        "ExpiredCredential",
        "A certificate, or a list of revoked ones, has expired or is not valid yet: connections with it fail.",
        "Renew it; proxies get the new one as soon as it is written, and keep their connections.",
    ),
    Message(
        "plugged-in-authority",
        "PluggedInAuthority",
        "The files of a plugged-in certificate authority (serve --ca-certs) cannot be used; the last good ones stay in "
        "force.",
        "Correct what the reason says; the files are read again when they change.",
    ),
    Message(
        "expiring-authority",
        "ExpiringAuthority",
        "A certificate of the certificate authority is in the last fifth of its life.",
        "Plug in new files; of an authority of our own, see why the server has not replaced it.",
    ),
    Message(
        "expired-authority",
        "ExpiredAuthority",
        "A certificate of the certificate authority has ended: no certificate below it is accepted.",
        "Plug in new files; of an authority of our own, see why the server has not replaced it.",
    ),
    Message(
        "federated-bundle",
        "FederatedBundle",
        "The bundle of a federated trust domain (serve --federate) cannot be had; the last good one stays in force.",
        "Correct what the reason says; it is read, or asked for, again by itself.",
    ),
    Message(
        "revoked-authority",
        "RevokedAuthority",
        "A connected workload has a certificate below a root that was revoked: nobody accepts it.",
        "Let the workload's agent renew it; before the next revocation, taint the root and wait.",
    ),
    Message(
        "expiring-workload-certificate",
        "ExpiringWorkloadCertificate",
        "The certificate of a connected workload is in the last fifth of its life: it has not been renewed in time.",
        "Look at the log of the workload's agent; without one, at the control plane's.",
    ),
    Message(
        "expiring-credential",
        "ExpiringCredential",
        "A certificate, or a list of revoked ones, is in the last fifth of its life.",
        "Renew it; proxies get the new one as soon as it is written, and keep their connections.",
    ),
    Message(
        "hidden-rule",
        "HiddenDestinationRule",
        "An older DestinationRule for the same host has the policy or the subset already.",
        "Merge the two.",
    ),
    Message(
        "keys-unavailable",
        "KeysUnavailable",
        "The keys of an issuer of tokens cannot be fetched: none of its tokens is valid, if there were none before.",
        "Correct issuer, jwksUri or what is behind it; it is asked again by itself.",
    ),
    Message(
        "readable-secret",
        "ReadableSecret",
        "Others on the machine can read a file with a private key in it.",
        "Take the permission away, and consider whether the key has to be replaced.",
    ),
    Message(
        "module-unavailable",
        "ModuleUnavailable",
        "The Wasm module of an extension cannot be fetched, or is not the one that its checksum is of.",
        "Correct url or sha256, or put the module there; it is tried again by itself.",
    ),
    Message(
        "unknown-provider",
        "UnknownProvider",
        "A policy asks a provider that is not there, or whose service is not: what its rules match is refused.",
        "Correct the provider's name, or declare the provider and its service.",
    ),
    Message(
        "no-identities",
        "NoIdentities",
        "Mutual TLS is asked for, and no certificate authority gives proxies identities.",
        "Run serve with --ca-dir, and connect the proxies to its secure address.",
    ),
    Message(
        "no-endpoints",
        "NoEndpoints",
        "A service selects nothing that has its ports: calls to it fail with 503.",
        "Start its workloads, or correct the selector or their labels.",
    ),
    Message(
        "no-service",
        "NoServiceForEndpoints",
        "Endpoints are listed for a Service that does not exist.",
        "Add the Service, or take the list out.",
    ),
    Message(
        "port-collision",
        "PortCollision",
        "An ingress and an egress listener of a Sidecar bind the same port. What the workload receives has it.",
        "Give one of them another port or address.",
    ),
    Message(
        "refused-by-envoy",
        "RefusedByEnvoy",
        "Envoy refuses what was made of the object. What it accepted last stays in force.",
        "Correct what Envoy names.",
    ),
    Message(
        "still-needed",
        "StillNeeded",
        "Something was taken away that a route still needs, and stays in force until no route does.",
        "Take the route out as well, or put back what it needs.",
    ),
    Message(
        "unresolved-address",
        "UnresolvedAddress",
        "An endpoint has a name for an address, in a service whose endpoints nobody resolves.",
        "Use an IP address, or a ServiceEntry with resolution DNS.",
    ),
    Message(
        "unknown-egress-host",
        "UnknownEgressHost",
        "A Sidecar's egress host names nothing: no service, and no VirtualService.",
        "Correct namespace or host, or take the entry out.",
    ),
    Message(
        "unknown-egress-proxy",
        "UnknownEgressProxy",
        "A Sidecar leaves unknown traffic to a service that is not there, or to a port that it does not have.",
        "Add the service, or correct host and port.",
    ),
    Message(
        "unusable-key",
        "UnusableKey",
        "A key of an issuer of tokens is left out, since a proxy cannot use it. The others hold.",
        "Replace the key at the issuer, if tokens are signed with it.",
    ),
    Message(
        "unreadable",
        "Unreadable",
        "A file cannot be read.",
        "Correct its permissions, or take it out of the folder.",
    ),
    Message(
        "unsafe-retry",
        "UnsafeRetry",
        "A request is retried after a server may have processed it.",
        "Match the methods that may be repeated, or retry only on what comes before processing: connect-failure, "
        "refused-stream.",
    ),
    Message(
        "yaml-syntax",
        "YamlSyntax",
        "A document is not YAML. The other documents of the file are read.",
        "Correct the line.",
    ),
)

OWN: Final[Mapping[str, Message]] = {message.code: message for message in _ALL}
