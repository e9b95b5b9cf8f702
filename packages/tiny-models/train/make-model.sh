#!/bin/sh
# Makes dyn-tiny-chat in OUT on one CUDA GPU, then tests it: sh make-model.sh OUT
set -e
cd "$(dirname "$0")"
python train.py --out "$1/stage-1" --seed 1
python train.py --out "$1/model" --seed 2 --start-from "$1/stage-1" --steps 5000 --opaque-share 0.7 --muon-lr 0.01 --adam-lr 0.002 --flat 0.2
python record_fixtures.py "$1/model" "$1/fixtures"
python evaluate.py "$1/model" "$1/results.json"
