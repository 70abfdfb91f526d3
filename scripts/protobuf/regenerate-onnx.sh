#!/bin/sh
# Generates Sources/Networks/ONNXSchema/onnx.pb.swift from onnx.proto (onnx-ml.proto of the onnx
# package, version 1.23.2). Needs protoc; protoc-gen-swift is taken from PATH, or built from the
# swift-protobuf checkout that `swift package resolve` leaves in .build.
set -eu
cd "$(dirname "$0")/../.."
plugin=$(command -v protoc-gen-swift || true)
if [ -z "$plugin" ]; then
  swift package resolve
  checkout=.build/checkouts/swift-protobuf
  swift build -c release --package-path "$checkout" --product protoc-gen-swift \
    --scratch-path .build/protoc-gen-swift
  plugin=$PWD/.build/protoc-gen-swift/release/protoc-gen-swift
fi
protoc --plugin=protoc-gen-swift="$plugin" --swift_opt=Visibility=Public \
  --proto_path=scripts/protobuf --swift_out=Sources/Networks/ONNXSchema onnx.proto
