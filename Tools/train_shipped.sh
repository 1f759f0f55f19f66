#!/bin/sh
# Trains the shipped base further and the four adapters on it, and makes registry.sqlite anew: an hour and a half on two cores.
#
#   Tools/train_shipped.sh BASE TRAIN TEST WORK
#
# BASE is the checkpoint to begin with. TRAIN holds NAME.train.jsonl, NAME.dev.jsonl and NAME.labels.json of the four
# tasks, TEST their NAME.test.jsonl, WORK what lies between. Needs Python with numpy and safetensors.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cli=$root/.build/release/adapter-cli
model=$root/Models/deberta-v3-tiny-en
base=$(cd "$1" && pwd) train=$(cd "$2" && pwd) test=$(cd "$3" && pwd)
mkdir -p "$4"
cd "$4"

# The base, by its own masked-language-model head: 20 million tokens.
python3 "$root/Tools/make_pretraining_text.py" "$train" "$test" .
cat > base.json <<END
{"train": "pretraining.txt", "dev": "pretraining.dev.txt", "train_base": true, "steps": 5000, "batch_tokens": 4096,
 "max_length": 512, "learning_rate": 7e-4, "warmup_steps": 300, "evaluate_every": 1000, "dropout": false,
 "save_every": 250, "seed": 1}
END
"$cli" train --model "$base" --adapter default --settings base.json --unregistered --output base
python3 "$root/Tools/store_float16.py" base/model "$model"

# The adapters, with the recipes of those that the Python library was given.
rm -rf "$root/registry.sqlite" "$root/Adapters"
"$cli" models register "$model" --registry "$root/registry.sqlite"
adapter() { # name, configuration, head, learning rate, steps
  ln -sf "$train/$1.train.jsonl" "$train/$1.dev.jsonl" "$test/$1.test.jsonl" .
  "$cli" train --registry "$root/registry.sqlite" --adapter "$1" --config "$2" --head "$3" --learning-rate "$4" \
    --steps "$5" --labels "$(python3 -c "import json; print(','.join(json.load(open('$train/$1.labels.json'))))")" \
    --train "$1.train.jsonl" --dev "$1.dev.jsonl" --test "$1.test.jsonl" --batch-size 32 --warmup-steps 50 \
    --max-length 128 --evaluate-every end --seed 1
}
adapter debian-section seq_bn classification 1.5e-3 700
adapter debian-facets "lora[alpha=16]" multilabel_classification 3e-3 700
adapter truecase double_seq_bn tagging 1.5e-3 700
adapter wordnet-domain par_bn classification 1e-3 2200
"$cli" activate "Parallel(debian-section, debian-facets, truecase, wordnet-domain)" --registry "$root/registry.sqlite"
