#!/bin/sh
# Makes dyn-tiny-embed in OUT on one CUDA GPU, then tests it: sh make-embed-model.sh OUT
set -e
cd "$(dirname "$0")"
python train_embed.py --out "$1/model" --steps 500 --seed 1
python evaluate_embed.py "$1/model" "$1/fixtures"
