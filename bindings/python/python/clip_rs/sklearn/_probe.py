"""The linear probe: logistic regression on features."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .. import _clip_rs
from ._untyped import expit, softmax, validate_data

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


# scikit-learn has no types: its classes are `Any` to a type checker.
class LinearProbe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on features, as CLIP's linear probe has it.

    Minimises ``C * sum(cross-entropy) + |coef|^2 / 2`` with a free intercept, softmax over the
    classes (one vector for two): the optimum of scikit-learn's ``LogisticRegression(C)``, found by
    L-BFGS with a preconditioner. The same data give the same bits, on any number of threads; and a
    row has the same scores in any batch.

    Parameters
    ----------
    C : float or "search", default=1.0
        Inverse strength of the regularization; openai/CLIP's example has 0.316. ``"search"`` is the
        paper's: a fifth of each class is kept back, 15 strengths at most of 97 between 1e-6 and 1e6
        are tried, that with the best accuracy is fitted to all rows. For another measure, or a
        validation set of one's own, take ``GridSearchCV``.
    tol : float, default=1e-5
        The greatest entry of the gradient of the mean loss that is taken for zero; scikit-learn
        means the same by it, and has 1e-4. A fit goes on while the duality gap is above a tenth of
        the objective, so that it ends near the minimum for any C.
    max_iter : int, default=1000
        The most iterations of a fit.
    random_state : int, default=0
        Which rows the search keeps back. Nothing else is random.
    threads : int, default=None
        Threads to use; all if none is given.

    Attributes
    ----------
    coef_ : ndarray of float32, ``[n_classes, n_features]``, or ``[1, n_features]`` for two classes
    intercept_ : ndarray of float32, ``[n_classes]``, or ``[1]`` for two classes
    classes_ : ndarray, ``[n_classes]``
        Sorted.
    C_ : float
        The strength given, or found by the search.
    search_scores_ : dict of float to float
        Accuracy on the rows kept back for each C, in the order tried; only after a search.
    n_iter_ : ndarray of int32, ``[1]``
        Iterations of the last fit.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where X had names of strings.

    Notes
    -----
    Features are computed with in ``float32``, which is what CLIP's are: wider input is converted.
    Columns of very different sizes should be standardised first, as for any such regression; CLIP's
    features are taken as they are.

    There are no weights of samples or classes: ``fit`` takes no ``sample_weight``.

    Examples
    --------
    >>> from clip_rs.sklearn import LinearProbe
    >>> from sklearn.datasets import load_digits
    >>> features, digits = load_digits(return_X_y=True)
    >>> probe = LinearProbe(C=0.316).fit(features[:1000], digits[:1000])
    >>> probe.score(features[1000:], digits[1000:]) > 0.9
    True
    >>> probe.predict_proba(features[1000:]).shape
    (797, 10)
    """

    def __init__(
        self,
        C: float | Literal["search"] = 1.0,
        *,
        tol: float = 1e-5,
        max_iter: int = 1000,
        random_state: int = 0,
        threads: int | None = None,
    ) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike) -> LinearProbe:
        """Fit to features and their classes.

        Parameters
        ----------
        X : array, ``[n, n_features]``
            Features.
        y : array, ``[n]``
            Classes, numbers or strings.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            One class only; NaN or infinity; shapes that do not fit; a parameter without such a value.
        TypeError
            A sparse matrix; a parameter of another kind.

        Warns
        -----
        ConvergenceWarning
            The fit ended short of the minimum: the iterations allowed were used up, or nothing led further
            down in float32.
        """
        C = self._checked_parameters()
        features, y = validate_data(self, X, y, dtype=np.float32, order="C")
        check_classification_targets(y)
        classes, labels = np.unique(y, return_inverse=True)
        count = len(classes)
        if count < 2:
            (only,) = classes.tolist()
            raise ValueError(f"y: a probe needs two classes at least; there is one class only: {only!r}")
        coef, intercept, strength, iterations, converged, points = _clip_rs.fit_probe(
            features,
            labels.astype(np.uint32),
            count,
            C,
            float(self.tol),
            int(self.max_iter),
            int(self.random_state),
            self.threads,
        )
        first = 1 if count == 2 else 0  # of two classes the first has zeros
        self.classes_, self.C_ = classes, strength
        self.coef_, self.intercept_ = coef[first:].copy(), intercept[first:].copy()
        self.n_iter_ = np.array([iterations], dtype=np.int32)
        if C is None:
            self.search_scores_ = {tried: score for tried, score, _ in points}
        elif hasattr(self, "search_scores_"):
            del self.search_scores_
        if not converged:
            warnings.warn(
                f"the fit stopped after {iterations} iterations short of the minimum; allow more with max_iter, "
                "or scale the features",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Scores: logits of the classes; of two classes that of the second alone.

        Parameters
        ----------
        X : array, ``[n, n_features]``

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, n_classes]``, or ``[n]`` for two classes.
        """
        check_is_fitted(self, "coef_")
        features = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        coef = np.ascontiguousarray(self.coef_, dtype=np.float32)
        intercept = np.ascontiguousarray(self.intercept_, dtype=np.float32)
        scores = _clip_rs.probe_scores(features, coef, intercept, self.threads)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row.

        Parameters
        ----------
        X : array, ``[n, n_features]``

        Returns
        -------
        numpy.ndarray
            ``[n]``, of ``classes_``.
        """
        scores = self.decision_function(X)
        best = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[best]
        return chosen

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Probabilities of the classes, in the order of ``classes_``.

        Parameters
        ----------
        X : array, ``[n, n_features]``

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, n_classes]``.
        """
        scores = self.decision_function(X).astype(np.float64)
        if scores.ndim == 1:
            return np.stack([expit(-scores), expit(scores)], axis=1).astype(np.float32)
        probabilities: NDArray[np.float64] = softmax(scores, axis=1)
        return probabilities.astype(np.float32)

    def _checked_parameters(self) -> float | None:
        """C; none where it is to be searched."""
        if isinstance(self.C, str):
            if self.C != "search":
                raise ValueError(f'C: {self.C!r} is neither a number nor "search"')
        elif not _is(self.C, Real):
            raise TypeError(f'C: {self.C!r} is neither a number nor "search"')
        elif not 0 < self.C < np.inf:
            raise ValueError(f"C: {self.C!r} is no number above 0")
        if not _is(self.tol, Real):
            raise TypeError(f"tol: {self.tol!r} is no number")
        if not 0 <= self.tol < np.inf:
            raise ValueError(f"tol: {self.tol!r} is no number of 0 or more")
        for name, least in (("max_iter", 1), ("random_state", 0)):
            value = getattr(self, name)
            if not _is(value, Integral):
                raise TypeError(f"{name}: {value!r} is no whole number")
            if not least <= value < 2**64:
                raise ValueError(f"{name}: {value!r} is no whole number of {least} or more")
        return None if self.C == "search" else float(self.C)


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_))
