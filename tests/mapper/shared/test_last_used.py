"""What was asked for longest ago is given up first, and made again when it is asked for."""

from dse.mapper.shared.last_used import kept_last


def test_what_is_asked_for_again_stays():
    kept, made = {}, []
    for key in ("a", "b", "a", "c", "b"):
        assert kept_last(kept, key, 2, lambda key=key: made.append(key) or key.upper()) == key.upper()
    assert list(kept) == ["c", "b"]
    assert made == ["a", "b", "c", "b"]
