#!/bin/sh
# Makes dyn-tiny-chat in OUT on one CUDA GPU, then tests it: sh make-model.sh OUT
set -e
cd "$(dirname "$0")"
python train.py --out "$1/model" --steps 11400 --seed 2
python record_fixtures.py "$1/model" "$1/fixtures"
python evaluate.py "$1/model" "$1/results.json"
