#!/usr/bin/env python3
"""Exports a fitted scikit-learn IsolationForest as isolation-forest-trees/1, the JSON that Starling reads.

The trees are copied as they are: thresholds are float64 and survive JSON exactly, so Starling scores every row as
scikit-learn does (to rounding in the last digits). With --rows the document also holds rows and scikit-learn's own
answers, and `starling models verify` compares them.

A pickle runs code when it is loaded: only export files that you trust.
"""

import argparse
import csv
import json
import math
import pickle
import sys

FORMAT = "isolation-forest-trees/1"

EXAMPLES = """examples:
  export_isolation_forest.py forest.joblib -o forest.json
  export_isolation_forest.py forest.joblib --rows readings.csv -o forest.json && starling models verify forest.json
"""


class Refused(Exception):
    """Something that is told in a sentence: what is wrong, and what to do."""


def load_forest(path):
    """A fitted IsolationForest from a joblib or pickle file; of a Pipeline whose last step is one, that is refused."""
    from sklearn.ensemble import IsolationForest

    try:
        try:
            import joblib

            forest = joblib.load(path)
        except (pickle.UnpicklingError, KeyError, ValueError):
            with open(path, "rb") as file:
                forest = pickle.load(file)
    except FileNotFoundError:
        raise Refused(f"there is no file {path}")
    except Exception as error:  # a broken pickle may raise anything
        raise Refused(f"{path} cannot be loaded: {error}. It must be written by joblib.dump or pickle.dump")
    if not isinstance(forest, IsolationForest):
        raise Refused(
            f"{path} holds a {type(forest).__name__}, not an IsolationForest; "
            "of a pipeline, dump the forest alone, and send Starling values as the forest saw them"
        )
    if not hasattr(forest, "estimators_"):
        raise Refused(f"the forest in {path} is not fitted; call fit before dumping it")
    return forest


def tree_document(estimator, features):
    """One tree as parallel arrays; `features` are the columns that it was fitted on."""
    tree = estimator.tree_
    leaves = tree.children_left == -1
    missing_left = getattr(tree, "missing_go_to_left", None)  # since scikit-learn 1.3
    return {
        "feature": [-1 if leaf else int(features[f]) for leaf, f in zip(leaves, tree.feature)],
        "threshold": [0.0 if leaf else float(t) for leaf, t in zip(leaves, tree.threshold)],
        "left": [int(child) for child in tree.children_left],
        "right": [-1 if leaf else int(child) for leaf, child in zip(leaves, tree.children_right)],
        "samples": [int(count) for count in tree.n_node_samples],
        "missing_left": [0] * tree.node_count
        if missing_left is None
        else [0 if leaf else int(goes) for leaf, goes in zip(leaves, missing_left)],
    }


def read_rows(path, features, limit):
    """Rows of a CSV, a number a field; an empty field or NaN is missing. A first line that is no numbers is a head."""
    rows = []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for number, fields in enumerate(csv.reader(file), start=1):
                if not fields or len(rows) == limit:
                    continue
                try:
                    row = [float(field) if field.strip() else math.nan for field in fields]
                except ValueError:
                    if number == 1:
                        continue
                    raise Refused(f"line {number} of {path} is no row of numbers")
                if len(row) != features:
                    raise Refused(f"line {number} of {path} has {len(row)} values; the forest has {features} features")
                if any(math.isinf(value) for value in row):
                    raise Refused(f"line {number} of {path} holds an infinite value, which scikit-learn does not score")
                rows.append(row)
    except FileNotFoundError:
        raise Refused(f"there is no file {path}")
    except UnicodeDecodeError:
        raise Refused(f"{path} is no text; expected a CSV")
    return rows


def export(forest, rows):
    """The document, as a dictionary."""
    import numpy
    import sklearn

    document = {
        "format": FORMAT,
        "name": "isolation_forest",
        "library": f"scikit-learn {sklearn.__version__}",
        "features": int(forest.n_features_in_),
        "trees_count": len(forest.estimators_),
        "max_samples": int(forest.max_samples_),
        "contamination": forest.contamination,
        "offset": float(forest.offset_),
        "trees": [
            tree_document(estimator, features)
            for estimator, features in zip(forest.estimators_, forest.estimators_features_)
        ],
        "rows": [],
        "score_samples": [],
        "decision_function": [],
        "predict": [],
    }
    if rows:
        # float32 first, as scikit-learn itself does: what is written is what was scored.
        table = numpy.asarray(rows, dtype=numpy.float32)
        with numpy.errstate(all="ignore"):
            document["score_samples"] = [float(score) for score in forest.score_samples(table)]
            document["decision_function"] = [float(score) for score in forest.decision_function(table)]
            document["predict"] = [int(label) for label in forest.predict(table)]
        document["rows"] = [[None if math.isnan(v) else float(v) for v in row] for row in table]
    return document


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("forest", help="a fitted IsolationForest, written by joblib.dump or pickle.dump")
    parser.add_argument("-o", "--output", metavar="FILE", help="where the JSON goes (standard output)")
    parser.add_argument("--rows", metavar="CSV", help="rows to embed with scikit-learn's answers, to verify with")
    parser.add_argument("--rows-max", metavar="N", type=int, default=1000, help="at most so many of them (1000)")
    arguments = parser.parse_args()
    if arguments.rows_max < 1:
        parser.error("--rows-max must be at least 1")
    try:
        try:
            forest = load_forest(arguments.forest)
        except ImportError:
            raise Refused("scikit-learn is not installed; pip install scikit-learn, of the version that fitted the forest")
        rows = read_rows(arguments.rows, int(forest.n_features_in_), arguments.rows_max) if arguments.rows else []
        try:
            document = export(forest, rows)
        except ValueError as error:
            raise Refused(f"scikit-learn does not score the rows: {error}")
        # A number that is not finite is no JSON, and no threshold of a fitted tree is one.
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
        if arguments.output:
            with open(arguments.output, "w", encoding="utf-8") as file:
                file.write(text + "\n")
        else:
            print(text)
    except Refused as refused:
        print(f"Error: {refused}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
