"""Records figures of scikit-learn, seqeval, SciPy and SQuAD's rules on random predictions.

    python Tools/make_metric_fixtures.py Tests/Fixtures/metrics

Needs scikit-learn, SciPy, seqeval 1.2.2 and transformers 4.57.6. The output is deterministic. Tests read it; neither
they nor the product run Python.
"""

import collections
import json
import math
import pathlib
import random
import sys

from scipy import stats
from seqeval.metrics import accuracy_score as tag_accuracy
from seqeval.metrics import classification_report as entity_report
from seqeval.scheme import BILOU, IOB2
from sklearn import metrics
from transformers.data.metrics import squad_metrics


def plain(value):
    return json.loads(json.dumps(value, default=lambda v: v.item() if hasattr(v, "item") else list(v)))


def classification(source):
    labels = ["bad", "fair", "good", "never"]
    probabilities, truth = [], []
    for _ in range(90):
        y = source.choices(range(3), [5, 3, 1])[0]
        e = [math.exp(source.gauss(1.5 if k == y else 0, 1.1) - (4 if k == 3 else 0)) for k in range(4)]
        probabilities.append([round(v / sum(e), 6) for v in e])
        truth.append(y)
    given = [max(range(4), key=lambda k: p[k]) for p in probabilities]
    t, g = [labels[k] for k in truth], [labels[k] for k in given]
    bins = {}
    for p, k, y in zip(probabilities, given, truth):
        b = bins.setdefault(min(14, max(0, math.ceil(p[k] * 15) - 1)), [0, 0.0, 0])
        b[0] += 1; b[1] += p[k]; b[2] += k == y
    gaps = [(n / len(truth), abs(right / n - sum_ / n)) for n, sum_, right in bins.values()]
    return {
        "labels": labels, "references": t, "predictions": g, "probabilities": probabilities,
        "figures": {
            "accuracy": metrics.accuracy_score(t, g), "matthews": metrics.matthews_corrcoef(t, g),
            "balanced_accuracy": metrics.balanced_accuracy_score(t, g), "cohen_kappa": metrics.cohen_kappa_score(t, g),
            "log_loss": -sum(math.log(p[y]) for p, y in zip(probabilities, truth)) / len(truth),
            "report": plain(metrics.classification_report(t, g, labels=labels, output_dict=True, zero_division=0)),
            "confusion_matrix": metrics.confusion_matrix(t, g, labels=labels).tolist(),
            "calibration_15": {"ece": sum(w * gap for w, gap in gaps), "mce": max(gap for _, gap in gaps)},
        },
    }


def binary(source):
    truth = [int(source.random() < 0.4) for _ in range(70)]
    scores = [round(min(max(source.gauss(0.6 if y else 0.4, 0.2), 0.001), 0.999), 2) for y in truth]  # with ties
    precision, recall, at = metrics.precision_recall_curve(truth, scores)
    return {
        "references": truth, "scores": scores,
        "figures": {
            "roc_auc": metrics.roc_auc_score(truth, scores), "average_precision": metrics.average_precision_score(truth, scores),
            "brier": metrics.brier_score_loss(truth, scores),
            "curve": {"thresholds": at.tolist(), "precision": precision.tolist(), "recall": recall.tolist()},
        },
    }


def multi_label(source):
    labels = ["a", "b", "c", "d"]
    truth = [[int(source.random() < 0.3) for _ in labels] for _ in range(50)]
    scores = [[round(min(max(source.gauss(0.65 if y else 0.3, 0.2), 0.001), 0.999), 4) for y in row] for row in truth]
    given = [[int(s > 0.5) for s in row] for row in scores]
    return {
        "labels": labels, "references": truth, "scores": scores,
        "figures": {
            "report": plain(metrics.classification_report(truth, given, target_names=labels, output_dict=True, zero_division=0)),
            "subset_accuracy": metrics.accuracy_score(truth, given),
        },
    }


def regression(source):
    truth = [round(source.uniform(0, 5), 2) for _ in range(40)]
    given = [round(v + source.gauss(0, 0.8), 3) for v in truth]
    return {
        "references": truth, "predictions": given,
        "figures": {
            "mse": metrics.mean_squared_error(truth, given), "mae": metrics.mean_absolute_error(truth, given), "r2": metrics.r2_score(truth, given),
            "pearson": float(stats.pearsonr(truth, given)[0]), "spearman": float(stats.spearmanr(truth, given)[0]),
        },
    }


def entities(source, tags, scheme):
    kinds = sorted({t[2:] for t in tags if t != "O"})
    references, predictions = [], []
    for _ in range(25):
        row = []
        while len(row) < source.randint(4, 14):
            if source.random() < 0.5:
                row.append("O")
                continue
            kind, length = source.choice(kinds), source.randint(1, 3)
            if scheme is IOB2:
                row += ["B-" + kind] + ["I-" + kind] * (length - 1)
            else:
                row += ["U-" + kind] if length == 1 else ["B-" + kind] + ["I-" + kind] * (length - 2) + ["L-" + kind]
        references.append(row)
        predictions.append([t if source.random() < 0.75 else source.choice(tags) for t in row])  # also what no scheme allows
    # seqeval's lenient reader knows E and S, not L and U.
    named = lambda rows: [[{"L": "E", "U": "S"}.get(t[0], t[0]) + t[1:] for t in row] for row in rows]
    return {
        "references": references, "predictions": predictions,
        "figures": {
            "lenient": plain(entity_report(named(references), named(predictions), output_dict=True, zero_division=0)),
            "strict": plain(entity_report(references, predictions, output_dict=True, zero_division=0, mode="strict", scheme=scheme)),
            "token_accuracy": tag_accuracy(references, predictions),
        },
    }


QUESTIONS = [
    ("q1", ["France", "in France"], "in france", 0.5), ("q2", ["William", "the duke, William"], "The duke - William!", 0.1), ("q3", ["1066"], "the year 1066", 0.15),
    ("q4", ["Channel", "the Channel"], "  an  CHANNEL ", 0.45), ("q5", ["Normans"], "Normandy", 0.2), ("q6", ["a region"], "", 0.75), ("q7", ["The", "a"], "the", 0.05),
    ("n1", [], "", 0.3), ("n2", [], "William", 0.4), ("n3", [], "the", 0.35), ("n4", [], "", 0.9), ("n5", [], "Normandy", 0.8),
]


def squad_2():
    Example = collections.namedtuple("Example", "qas_id answers")
    examples = [Example(k, [{"text": a} for a in answers]) for k, answers, _, _ in QUESTIONS]
    predictions = {k: p for k, _, p, _ in QUESTIONS}
    none = {k: n for k, _, _, n in QUESTIONS}
    return {
        "questions": [{"answers": a, "prediction": p, "no_answer": n} for _, a, p, n in QUESTIONS],
        "figures": {str(t): plain(squad_metrics.squad_evaluate(examples, predictions, dict(none), t)) for t in (1.0, 0.4)},
    }


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    source = random.Random(5)
    values = {
        "classification": classification(source), "binary": binary(source), "multi-label": multi_label(source), "regression": regression(source),
        "entities-bio": entities(source, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], IOB2),
        "entities-bilou": entities(source, ["O"] + [f"{p}-{k}" for k in ("PER", "LOC") for p in "BILU"], BILOU), "squad-2": squad_2(),
    }
    for name, value in values.items():
        (out / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
