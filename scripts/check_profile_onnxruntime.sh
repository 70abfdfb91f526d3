#!/bin/bash
# Checks scripts/profile_onnxruntime.py against an actual ONNX Runtime: the layers of a network are
# measured, and the table they make predicts every layer of the network.
#   scripts/check_profile_onnxruntime.sh PYTHON MODEL.onnx
set -euo pipefail
python=$1 model=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
espalier profile "$model" --layers "$folder/layers" --levels 2
"$python" "$(dirname "$0")/profile_onnxruntime.py" "$folder/layers" "$folder/table.csv" \
  --repeats 3 --seconds 0
# Cut off in the middle, it goes on.
rows=$(wc -l < "$folder/table.csv")
head -c $(($(wc -c < "$folder/table.csv") / 2)) "$folder/table.csv" > "$folder/cut.csv"
"$python" "$(dirname "$0")/profile_onnxruntime.py" "$folder/layers" "$folder/cut.csv" \
  --repeats 3 --seconds 0
test "$rows" = "$(wc -l < "$folder/cut.csv")"
espalier latency "$model" --table "$folder/table.csv" | tail -n 1
echo "ok: $rows lines"
