#!/bin/sh
# Puts into the volume of each workload what it takes to join the mesh: a token, good once, and the root certificate.
set -eu
umask 077
for folder in /invitations/*; do
    name=${folder##*/}
    case $name in
        ingressgateway) account=ns/istio-system/sa/istio-ingressgateway-service-account ;;
        *) account=ns/default/sa/bookinfo-${name%%-*} ;;
    esac
    # one that has joined before knows itself by its certificate: the token is for the case that this has ended
    pilothouse token create --ca-dir /var/lib/pilothouse/ca --ttl 1h \
        --spiffe-id "spiffe://cluster.local/$account" >"$folder/token.new"
    mv "$folder/token.new" "$folder/token"
    cp /var/lib/pilothouse/ca/root-cert.pem "$folder/root-cert.pem"
    echo "invited $name as $account"
done
