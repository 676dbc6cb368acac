#!/usr/bin/env bash
# Toxiproxy's server from its Go module, as a static program that runs on this machine and in an empty image.
#
#   [GO=PATH] toxiproxy.sh VERSION OUT
set -euo pipefail

version=$1 out=$2
module=github.com/Shopify/toxiproxy/v2
stage=$(mktemp -d)
trap 'rm -rf -- "$stage"' EXIT
cd -- "$stage"

# The caller's settings for a project of their own must not reach this build; the module proxy's are kept.
unset GOFLAGS GOOS GOARCH GOWORK
export HOME=${HOME:-/root} GOBIN=$stage GOTOOLCHAIN=auto CGO_ENABLED=0
# Without -X the program calls its version `git`. `go install` names it `server`, after its directory.
"${GO:-go}" install -trimpath -ldflags "-s -w -X $module.Version=$version" "$module/cmd/server@v$version"
mv -- server "$out"
