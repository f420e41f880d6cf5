"""What is kept with a taxonomy: made once, the last few of a kind; gone with it, and in no copy."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import pytest

from taxoloss import Taxonomy
from taxoloss.taxonomy.cache import cached


class Made:
    """What was made, and of what."""

    def __init__(self, classes: tuple[str, ...], key: int) -> None:
        self.classes, self.key = classes, key


def make(taxonomy: Taxonomy, key: int) -> Made:
    """Something new each time."""
    if key < 0:
        raise ZeroDivisionError(f"no key {key}")
    return Made(taxonomy.classes, key)


def other(taxonomy: Taxonomy, key: int) -> Made:
    """Another kind."""
    return make(taxonomy, key)


def fresh() -> Taxonomy:
    """A taxonomy that nothing was made for yet."""
    return Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "pug")]).bind()


def test_made_once_for_each_key_and_kind() -> None:
    """Of values that are equal, one thing; of another taxonomy, another thing."""
    t = fresh()
    made = cached(t, make, 1)
    assert (made.classes, made.key) == (t.classes, 1)
    assert cached(t, make, 1) is made
    others = [cached(t, make, 2), cached(t, other, 1), cached(fresh(), make, 1)]
    assert made not in others


def test_the_last_few_are_kept() -> None:
    """Whoever was asked for lately stays, whatever is made of another kind; the rest is let go."""
    t = fresh()
    kept, gone, beside = cached(t, make, 0), weakref.ref(cached(t, make, 1)), cached(t, other, 1)
    for key in range(2, 100):
        assert cached(t, make, 0) is kept
        assert cached(t, make, key).key == key
    assert cached(t, other, 1) is beside
    gc.collect()
    assert gone() is None
    assert cached(t, make, 1).key == 1


def test_it_goes_with_the_taxonomy() -> None:
    """Nothing else holds it, and it holds no taxonomy."""
    t = fresh()
    made, taxonomy = weakref.ref(cached(t, make, 1)), weakref.ref(t)
    del t
    gc.collect()
    assert (made(), taxonomy()) == (None, None)


def test_no_copy_has_it() -> None:
    """Copies and pickles have a cache of their own; what is kept is no part of what is equal."""
    t = fresh()
    before = pickle.loads(pickle.dumps(t))
    made = cached(t, make, 1)
    assert (t, hash(t), repr(t)) == (before, hash(before), repr(before))
    for one in (before, pickle.loads(pickle.dumps(t)), t.replace(), t.bind()):
        assert cached(one, make, 1) is not made
    for same in (copy.copy(t), copy.deepcopy(t)):
        assert cached(same, make, 1) is made  # nothing in it can change: it is the same


def test_threads_find_one_thing() -> None:
    """However many ask at the first use."""
    for _ in range(20):
        t, ready, found = fresh(), threading.Barrier(8), list[Made]()

        def ask(t: Taxonomy, ready: threading.Barrier, found: list[Made]) -> None:
            ready.wait()
            found.append(cached(t, make, 1))

        threads = [threading.Thread(target=ask, args=(t, ready, found)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert set(found) == {cached(t, make, 1)}


def test_what_cannot_be_made() -> None:
    """The error of what makes it comes each time; what is no bound taxonomy is refused in words."""
    t = fresh()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="no key -1"):
            cached(t, make, -1)
    with pytest.raises(ValueError, match=r"needs a bound taxonomy: .* t\.bind\(dataset\.classes\)"):
        cached(Taxonomy.from_paths([("a",), ("b",)]), make, 1)
    with pytest.raises(TypeError, match="expected a bound Taxonomy, got str 'pets'"):
        cached("pets", make, 1)  # type: ignore[misc]
