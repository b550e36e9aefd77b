"""How far the words of a language lie from the English ones, and the gain of languages by script and by that distance.

The distance is of spelling: of the names of months, weekdays and units of time in Unicode CLDR, in the language and in
English, the mean of one minus the similarity of Ratcliff and Metzener (1988, Pattern Matching: The Gestalt Approach;
difflib of Python). A language of another script shares no letters with English and has distance 1. It is no typological
distance: the databases of those are not part of this project, and none is guessed.
"""

import difflib
import functools

import numpy as np

from xit.core import languages
from xit.statistics.gains import gain_array
from xit.statistics.study import Study, mean_of_present

LATIN = languages.facts("en").script


@functools.cache
def distance(code: str) -> float | None:
    """Of a language's words for times from the English ones, 0 to 1; None where CLDR has none in it."""
    script = languages.facts(code).script
    if script != LATIN:
        return None if script == "unknown" else 1.0
    english, words = _words("en"), _words(code)
    pairs = [(english[key], words[key]) for key in sorted(english) if key in words]
    if not pairs:
        return None
    return sum(1 - difflib.SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in pairs) / len(pairs)


def _words(code: str) -> dict[str, str]:
    """Months, weekdays and units of time by a key that is the same in all languages, in small letters.

    As they stand in dates: those that stand alone depend in Babel on which locales were loaded before.
    """
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    try:
        locale = Locale.parse(code)
    except UnknownLocaleError:
        return {}
    if code in get_global("parent_exceptions"):  # CLDR has another language stand in: French for Haitian
        return {}
    words = {f"month {number}": name for number, name in locale.months["format"]["wide"].items()}
    words |= {f"day {number}": name for number, name in locale.days["format"]["wide"].items()}
    words |= {
        unit: names["long"]
        for unit, names in locale.unit_display_names.items()
        if unit.startswith("duration-") and "long" in names
    }
    return {key: name.casefold() for key, name in words.items()}


def distances_and_gains(study: Study, encoder: str) -> dict[str, tuple[float, tuple[float, ...]]]:
    """Of each language but English that has a distance: it, and the mean gain of each seed."""
    means = mean_of_present(gain_array(study, encoder, study.intermediates), axis=2)  # [seed, language]
    pairs = {}
    for code, of_seeds in zip(study.others, means.T, strict=True):
        far = distance(code)
        if far is not None and not np.isnan(of_seeds).any():
            pairs[code] = (far, tuple(of_seeds.tolist()))
    return pairs


def gains_by_script(study: Study, encoder: str) -> tuple[dict[str, float], dict[str, float]]:
    """The mean gains of the languages of Latin script, and of the others."""
    pairs = distances_and_gains(study, encoder)
    means = {code: sum(values) / len(values) for code, (_, values) in pairs.items()}
    latin = {code: value for code, value in means.items() if languages.facts(code).script == LATIN}
    return latin, {code: value for code, value in means.items() if code not in latin}
