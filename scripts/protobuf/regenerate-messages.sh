#!/bin/sh
# Regenerates Sources/Cluster/Messaging/Schema from messages.proto.
# Needs protoc and protoc-gen-swift 1.39; PROTOC_GEN_SWIFT names the latter if it is not on PATH.
set -eu
cd "$(dirname "$0")"
protoc --plugin="protoc-gen-swift=${PROTOC_GEN_SWIFT:-$(command -v protoc-gen-swift)}" \
  --swift_opt=Visibility=Internal --swift_out=../../Sources/Cluster/Messaging/Schema \
  messages.proto
