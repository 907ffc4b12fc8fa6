"""`clip_rs.sklearn`: estimators that scikit-learn's own checks accept, and the solver's optimum."""

from __future__ import annotations

import collections
import doctest
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clip_rs

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import BaseEstimator, clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.datasets import load_digits, make_blobs  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError, SkipTestWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.utils import estimator_checks  # noqa: E402

from clip_rs.sklearn import ImageEmbedder, LinearProbe, TextEmbedder, ZeroShotClassifier  # noqa: E402
from clip_rs.sklearn import _embedders, _probe, _zero_shot  # noqa: E402

# Checks of scikit-learn that fit no data: they apply whatever the input is. `check_estimator` leaves
# them out where the tag `two_d_array` is false, because every other check feeds tables of numbers.
WITHOUT_DATA = [
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
]
OTHERS = [ImageEmbedder(), TextEmbedder(), ZeroShotClassifier(["a cat", "a dog"])]
LABELS = ["animal", "animal", "animal", "thing", "thing", "thing"]


@pytest.fixture
def paths(photos: Path) -> list[str]:
    names = ("cat", "dog", "elephant", "laptop", "pizza", "rocket")
    return [str(photos / f"{name}.jpg") for name in names]


def name_of(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, BaseEstimator) else None


# What scikit-learn checks.


@pytest.mark.parametrize("C", [1.0, "search"])
def test_the_probe_passes_all_checks(C: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = estimator_checks.check_estimator(LinearProbe(C), on_fail=None, on_skip=None)
    statuses = collections.Counter(result["status"] for result in results)
    others = {each["check_name"]: each["status"] for each in results if each["status"] != "passed"}
    # Skipped by scikit-learn unless SCIPY_ARRAY_API=1 is set before SciPy is imported.
    assert set(others.items()) <= {("check_array_api_input", "skipped")}, results
    assert statuses["passed"] >= 50


@pytest.mark.parametrize("estimator", OTHERS, ids=name_of)
@pytest.mark.parametrize("check", WITHOUT_DATA)
def test_what_takes_images_or_texts_passes_the_checks_without_data(estimator: Any, check: str) -> None:
    function = getattr(estimator_checks, check, None)
    if function is None:
        pytest.skip(f"this scikit-learn has no {check}")
    function(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", OTHERS, ids=name_of)
def test_the_other_checks_are_left_out_by_scikit_learn_itself(estimator: Any) -> None:
    with pytest.warns(SkipTestWarning, match="which requires input"):
        results = estimator_checks.check_estimator(estimator, on_fail=None)
    assert {result["status"] for result in results} == {"passed"}


def test_nothing_of_scikit_learn_is_imported_with_the_package() -> None:
    code = (
        "import sys, clip_rs; assert 'sklearn' not in sys.modules\n"
        "sys.modules['sklearn'] = None\n"
        "try: import clip_rs.sklearn\n"
        "except ImportError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "needs scikit-learn" in said and "pip install" in said


@pytest.mark.parametrize("module", [_embedders, _probe, _zero_shot])
def test_examples_run(module: Any, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent)
    failures, tries = doctest.testmod(module)
    assert failures == 0 and tries > 1


# The probe.


def blobs(classes: int) -> tuple[Any, Any]:
    X, y = make_blobs(300, 8, centers=classes, cluster_std=4.0, random_state=0)
    return X.astype(np.float32), y


def objective(probe: Any, X: Any, y: Any) -> float:
    """What both minimise, in float64."""
    scores = X.astype(np.float64) @ probe.coef_.T.astype(np.float64) + probe.intercept_
    if scores.shape[1] == 1:
        loss = np.logaddexp(0, np.where(y == 1, -1, 1) * scores[:, 0])
    else:
        loss = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), y]
    return float(probe.C * loss.sum() + (probe.coef_.astype(np.float64) ** 2).sum() / 2)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("C", [0.01, 0.316, 10.0])
def test_the_probe_is_logistic_regression(classes: int, C: float) -> None:
    X, y = blobs(classes)
    ours = LinearProbe(C=C, tol=1e-7).fit(X, y)
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X.astype(np.float64), y)
    assert ours.coef_.shape == theirs.coef_.shape and ours.intercept_.shape == theirs.intercept_.shape
    # A gradient of the mean loss of at most `tol` leaves an error of about tol * C * n, as the penalty
    # is 1 / (C * n).
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4 + 2 * ours.tol * C * len(X))
    assert objective(ours, X, y) <= objective(theirs, X, y) * (1 + 1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X.astype(np.float64)), atol=1e-3)
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99
    assert ours.decision_function(X).shape == theirs.decision_function(X).shape
    assert ours.n_iter_.shape == (1,) and ours.C_ == C and ours.n_features_in_ == 8


def test_the_probe_has_the_same_bits_on_any_threads_and_in_any_batch() -> None:
    X, y = load_digits(return_X_y=True)
    one, two = LinearProbe(threads=1).fit(X, y), LinearProbe(threads=2).fit(X, y)
    assert one.coef_.tobytes() == two.coef_.tobytes()
    assert one.intercept_.tobytes() == two.intercept_.tobytes()
    all_at_once = one.decision_function(X)
    assert all(one.decision_function(X[[row]]).tobytes() == all_at_once[row].tobytes() for row in (0, 5, 1796))


def test_the_search_tries_the_papers_strengths() -> None:
    X, y = load_digits(return_X_y=True)
    probe = LinearProbe("search").fit(X[:600], y[:600])
    tried = list(probe.search_scores_)
    grid = 10.0 ** (6 - np.arange(97) / 8)
    assert all(np.isclose(C, grid, rtol=1e-9).any() for C in tried) and 8 <= len(tried) <= 15
    np.testing.assert_allclose(tried[:7], 10.0 ** np.arange(6, -7, -2.0))
    best = max(probe.search_scores_.values())
    assert probe.search_scores_[probe.C_] == best
    other = LinearProbe("search", random_state=1).fit(X[:600], y[:600])
    assert other.search_scores_ != probe.search_scores_
    assert not hasattr(probe.set_params(C=1.0).fit(X, y), "search_scores_")


def test_the_strength_found_is_fitted_to_all_rows() -> None:
    X, y = blobs(7)
    probe = LinearProbe("search").fit(X, y)
    again = LinearProbe(probe.C_).fit(X, y)
    np.testing.assert_allclose(probe.predict_proba(X), again.predict_proba(X), atol=2e-3)


def test_a_search_needs_two_rows_of_a_class() -> None:
    with pytest.raises(ValueError, match="C: the search keeps a fifth"):
        LinearProbe("search").fit(np.eye(3), [0, 1, 2])


def test_classes_may_be_strings_and_columns_have_names() -> None:
    pandas = pytest.importorskip("pandas")
    X, y = blobs(2)
    frame = pandas.DataFrame(X, columns=[f"f{k}" for k in range(8)])
    probe = LinearProbe().fit(frame, np.array(["no", "yes"])[y])
    assert list(probe.classes_) == ["no", "yes"] and list(probe.feature_names_in_) == list(frame.columns)
    assert set(probe.predict(frame)) == {"no", "yes"}
    with pytest.raises(ValueError, match="feature names should match"):
        probe.predict(frame[list(frame.columns)[::-1]])


@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ({"C": 0}, ValueError, "C: 0 is no number above 0"),
        ({"C": float("nan")}, ValueError, "C: nan"),
        ({"C": float("inf")}, ValueError, "C: inf"),
        ({"C": "best"}, ValueError, 'neither a number nor "search"'),
        ({"C": None}, TypeError, 'neither a number nor "search"'),
        ({"C": True}, TypeError, "C: True"),
        ({"tol": -1e-4}, ValueError, "tol"),
        ({"tol": "small"}, TypeError, "tol"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"max_iter": 1.5}, TypeError, "max_iter"),
        ({"random_state": None}, TypeError, "random_state"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"threads": 0}, ValueError, "threads"),
    ],
)
def test_parameters_without_such_a_value_are_named(parameters: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        LinearProbe(**parameters).fit(*blobs(3))


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_bad_data_is_refused_in_scikit_learns_words() -> None:
    from scipy import sparse

    X, y = blobs(3)
    probe = LinearProbe()
    for value, said in ((np.nan, "contains NaN"), (np.inf, "contains infinity"), (1e300, "infinity")):
        broken = X.astype(np.float64)
        broken[3, 2] = value
        with pytest.raises(ValueError, match=said):
            probe.fit(broken, y)
    with pytest.raises(TypeError, match="[Ss]parse"):
        probe.fit(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match="one class only: 4"):
        probe.fit(X, np.full(len(X), 4))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        probe.fit(X, y[1:])
    with pytest.raises(ValueError, match="Unknown label type"):
        probe.fit(X, X[:, 0])
    with pytest.raises(NotFittedError):
        probe.predict(X)
    with pytest.raises(ValueError, match="8 features"):
        probe.fit(X, y).predict(X[:, :5])
    with pytest.raises(TypeError, match="sample_weight"):
        probe.fit(X, y, sample_weight=np.ones(len(X)))


def test_a_fit_that_is_cut_short_says_so() -> None:
    with pytest.warns(ConvergenceWarning, match="after 1 iterations"):
        LinearProbe(C=1e6, max_iter=1, tol=1e-9).fit(*blobs(7))


# Embedders.


def test_one_column_in_every_form(starter: clip_rs.Model, paths: list[str]) -> None:
    paths = paths[:2]
    pandas = pytest.importorskip("pandas")
    Image = pytest.importorskip("PIL.Image")
    expected = starter.encode_images(paths)
    opened = [Image.open(path) for path in paths]
    forms = [
        paths,
        tuple(map(Path, paths)),
        np.array(paths),
        np.array(paths, dtype=object).reshape(-1, 1),
        pandas.Series(paths, index=range(7, 9)),
        pandas.DataFrame({"image": paths}),
        [Path(path).read_bytes() for path in paths],
        opened,
        [np.asarray(image.convert("RGB")) for image in opened],
    ]
    for form in forms:
        features = ImageEmbedder().transform(form)
        assert features.dtype == np.float32 and features.tobytes() == expected.tobytes()
    pixels = np.stack([starter.preprocess.pixels(path) for path in paths])
    inputs = np.stack([starter.preprocess(path) for path in paths])
    assert ImageEmbedder().transform(pixels).tobytes() == starter.encode_images(pixels).tobytes()
    assert ImageEmbedder().transform(inputs).tobytes() == expected.tobytes()
    unit = ImageEmbedder(normalize=True).transform(paths)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)


def test_texts(starter: clip_rs.Model) -> None:
    texts = ["a cat", "a dog"]
    expected = starter.encode_texts(texts).tobytes()
    for form in (texts, np.array(texts), np.array([texts]).T, (text for text in texts)):
        assert TextEmbedder().fit().transform(form).tobytes() == expected
    with pytest.raises(clip_rs.TextError, match="truncate=True"):
        TextEmbedder().transform(["word " * 100])
    with pytest.warns(UserWarning, match="1 of 1 were cut"):
        TextEmbedder(truncate=True).transform(["word " * 100])
    with pytest.raises(TypeError, match=r"X\[1\]: int"):
        TextEmbedder().transform(["a cat", 3])
    with pytest.raises(TypeError, match="X: one text"):
        TextEmbedder().transform("a cat")


def test_rows_are_never_left_out(paths: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(clip_rs.ImageError, match="broken.jpg"):
        ImageEmbedder().transform([*paths, broken])
    with pytest.raises(FileNotFoundError, match="none.jpg"):
        ImageEmbedder().transform([tmp_path / "none.jpg"])
    with pytest.raises(ValueError, match="images are one column"):
        ImageEmbedder().transform(np.array([paths, paths]))
    with pytest.raises(ValueError, match="images are needed"):
        ImageEmbedder().transform(None)


def test_a_model_by_what_it_is() -> None:
    assert ImageEmbedder(Path("starter")).fit()._n_features_out == 128
    with pytest.raises(FileNotFoundError):
        ImageEmbedder("no/such/model.safetensors").fit()
    with pytest.raises(TypeError, match="model: int"):
        ImageEmbedder(3).fit()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="precision"):
        ImageEmbedder(precision="f8").fit()  # type: ignore[arg-type]
    assert ImageEmbedder()._model() is TextEmbedder()._model() is ZeroShotClassifier()._model()


def test_names_of_columns(paths: list[str]) -> None:
    pandas = pytest.importorskip("pandas")
    embedder = ImageEmbedder()
    assert list(embedder.get_feature_names_out()[[0, -1]]) == ["imageembedder0", "imageembedder127"]
    frame = pandas.Series(paths, index=[f"row {k}" for k in range(6)])
    features = embedder.set_output(transform="pandas").transform(frame)
    assert list(features.index) == list(frame.index) and features.shape == (6, 128)
    assert list(features.columns) == list(embedder.get_feature_names_out())


# Zero-shot.


def test_zero_shot_is_the_models_classification(starter: clip_rs.Model, paths: list[str]) -> None:
    labels, templates = ["a dog", "a cat", "a pizza"], ["a photo of {}.", "{} in the wild"]
    classifier = ZeroShotClassifier(labels, templates).fit(paths)
    assert list(classifier.classes_) == sorted(labels) == classifier.labels_
    found = starter.classify(paths, labels, templates=templates)
    probabilities = classifier.predict_proba(paths)
    expected = [[scores.to_dict()[label] for label in classifier.classes_] for scores in found]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert list(classifier.predict(paths)) == [scores.label for scores in found]
    assert probabilities.dtype == np.float32 and classifier.decision_function(paths).shape == (6, 3)
    features = ImageEmbedder(normalize=True).transform(paths)
    for X in (features, features.astype(np.float64)):
        np.testing.assert_allclose(classifier.predict_proba(X), probabilities, atol=1e-5)
    in_a_pipeline = make_pipeline(ImageEmbedder(), ZeroShotClassifier(labels, templates)).fit(paths)
    assert in_a_pipeline.predict_proba(paths).tobytes() == probabilities.tobytes()


def test_classes_of_numbers_are_called_by_a_dict(paths: list[str]) -> None:
    y = [0, 1, 1, 1, 0, 0]
    classifier = ZeroShotClassifier({1: "an animal", 0: "a thing"}).fit(paths, y)
    assert classifier.classes_.tolist() == [0, 1] and classifier.labels_ == ["a thing", "an animal"]
    assert classifier.predict(paths).dtype.kind == "i"
    decision, probabilities = classifier.decision_function(paths), classifier.predict_proba(paths)
    assert decision.shape == (6,)
    np.testing.assert_allclose(1 / (1 + np.exp(-decision.astype(np.float64))), probabilities[:, 1], atol=1e-5)
    assert ((decision > 0) == classifier.predict(paths)).all()


def test_classes_are_taken_from_y(paths: list[str]) -> None:
    classifier = ZeroShotClassifier().fit(paths, ["a thing" if k > 2 else "an animal" for k in range(6)])
    assert classifier.classes_.tolist() == ["a thing", "an animal"]


@pytest.mark.parametrize(
    ("parameters", "y", "error", "said"),
    [
        ({}, None, ValueError, "labels: none are given"),
        ({}, [0, 1, 1], ValueError, "y: classes are int64 and not words"),
        ({"labels": ["cat", "dog"]}, [0, 1, 1], ValueError, "y: class 0 is none of `labels`"),
        ({"labels": ["cat", "dog"]}, ["cat", "cow"], ValueError, "y: class 'cow' is none of `labels`"),
        ({"labels": ["cat"]}, None, ValueError, "one class only: 'cat'"),
        ({"labels": "cat"}, None, TypeError, "labels: one text"),
        ({"labels": []}, None, ValueError, "labels: there is none"),
        ({"labels": ["cat", 3]}, None, TypeError, r"labels\[1\]: int"),
        ({"labels": ["cat", "Cat"]}, None, ValueError, "Cat"),
        ({"labels": ["cat", "cat"]}, None, ValueError, "cat"),
        ({"labels": {0: "cat", "1": "dog"}}, None, TypeError, "some classes are strings"),
        ({"labels": ["cat", "dog"], "templates": "a {}"}, None, TypeError, "templates: one text"),
        ({"labels": ["cat", "dog"], "templates": ["a photo"]}, None, ValueError, "a photo"),
        ({"labels": ["cat", "word " * 100]}, None, clip_rs.TextError, "truncate=True"),
    ],
)
def test_classes_that_cannot_be_are_refused(parameters: Any, y: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        ZeroShotClassifier(**parameters).fit(y=y)


def test_features_of_another_model_are_refused(paths: list[str]) -> None:
    classifier = ZeroShotClassifier(["cat", "dog"])
    with pytest.raises(NotFittedError):
        classifier.predict(paths)
    classifier.fit()
    with pytest.raises(ValueError, match="512 columns.*have 128"):
        classifier.predict(np.zeros((3, 512), np.float32))
    with pytest.raises(ValueError, match="NaN"):
        classifier.predict(np.full((3, 128), np.nan))


# Together with the rest of scikit-learn.


def test_clone_and_pickle(paths: list[str]) -> None:
    for estimator in (ImageEmbedder(normalize=True, threads=1), TextEmbedder(truncate=True), LinearProbe(3.0)):
        assert clone(estimator).get_params() == estimator.get_params()
    pipeline = make_pipeline(ImageEmbedder(), LinearProbe()).fit(paths, LABELS)
    assert len(pickle.dumps(pipeline)) < 20_000  # the model's name, not the model
    again = pickle.loads(pickle.dumps(pipeline))
    assert again.predict_proba(paths).tobytes() == pipeline.predict_proba(paths).tobytes()
    with_a_model = clone(ImageEmbedder(clip_rs.load("starter", precision="bf16")))
    again = pickle.loads(pickle.dumps(with_a_model))
    assert again.transform(paths[:1]).tobytes() == with_a_model.transform(paths[:1]).tobytes()
    with pytest.raises(ValueError, match="has its own precision"):
        with_a_model.set_params(threads=1).fit()
    zero_shot = ZeroShotClassifier(["cat", "dog"]).fit()
    again = pickle.loads(pickle.dumps(zero_shot))
    assert again.predict_proba(paths).tobytes() == zero_shot.predict_proba(paths).tobytes()


def test_grid_search_in_two_processes(paths: list[str]) -> None:
    pipeline = Pipeline([("embed", ImageEmbedder(threads=1)), ("probe", LinearProbe(threads=1))])
    grid = [{"probe__C": [1e-6]}, {"embed__normalize": [True]}]
    parallel = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(paths, LABELS)
    alone = GridSearchCV(pipeline, grid, cv=2).fit(paths, LABELS)
    for name in ("mean_test_score", "params"):
        assert list(parallel.cv_results_[name]) == list(alone.cv_results_[name])
    assert parallel.predict_proba(paths).tobytes() == alone.predict_proba(paths).tobytes()


def test_search_over_models_and_precisions(paths: list[str]) -> None:
    pipeline = Pipeline([("embed", ImageEmbedder()), ("probe", LinearProbe())])
    grid = {"embed__model": ["starter"], "embed__precision": ["f32", "bf16"]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(paths, LABELS)
    assert len(search.cv_results_["params"]) == 2


def test_cross_validation(paths: list[str]) -> None:
    probe = make_pipeline(ImageEmbedder(), LinearProbe(0.316))
    assert cross_val_score(probe, paths * 2, LABELS * 2, cv=2).tolist() == [1, 1]
    zero_shot = ZeroShotClassifier({"animal": "an animal", "thing": "a thing"})
    scores = cross_val_score(zero_shot, paths, LABELS, cv=3, scoring="neg_log_loss", error_score="raise")
    assert np.isfinite(scores).all()


def test_columns_of_paths_and_captions(paths: list[str]) -> None:
    pandas = pytest.importorskip("pandas")
    captions = [f"a photo, number {k}" for k in range(6)]
    frame = pandas.DataFrame({"path": paths, "caption": captions, "width": range(6)})
    columns = ColumnTransformer(
        [("image", ImageEmbedder(), ["path"]), ("text", TextEmbedder(), "caption")], remainder="passthrough"
    )
    features = columns.fit_transform(frame)
    assert features.shape == (6, 257)
    assert columns.get_feature_names_out()[[0, 128, 256]].tolist() == [
        "image__imageembedder0",
        "text__textembedder0",
        "remainder__width",
    ]
    classifier = make_pipeline(clone(columns), LinearProbe()).fit(frame, LABELS)
    assert classifier.score(frame, LABELS) == 1
