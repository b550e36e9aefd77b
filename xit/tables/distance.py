"""Figure: the gain of a language against its script, and against how far its words lie from the English ones.

The distance is of spelling: of the names of months, weekdays and units of time in Unicode CLDR, in the language and in
English, the mean of one minus the similarity of Ratcliff and Metzener (1988, Pattern Matching: The Gestalt Approach;
difflib of Python). A language of another script shares no letters with English and has distance 1. It is no typological
distance: the databases of those are not part of this project, and none is guessed.
"""

import difflib
import functools
from typing import Any

import numpy as np

from xit.core import languages
from xit.paper.drawing import COLOURS, PAGE, panels
from xit.paper.render import Figure, Inputs
from xit.statistics.study import Study, gains

LATIN = languages.facts("en").script
BAND = (1.02, 1.38)
"""Where the languages of other scripts stand, all of distance 1, beside one another."""


def build(inputs: Inputs) -> tuple[Figure, ...]:
    """A panel an encoder, a mark a language."""
    study = inputs.study
    return (
        Figure(
            name="distance",
            title=f"Gain in each language by script and distance from English ({inputs.label})",
            caption=(
                "Mean over intermediate tasks and over the targets that have the language, in points; a line joins the "
                "seeds. Distance: how unlike the English ones the names of months, weekdays and units of time in CLDR "
                "are spelt, from 0 to 1; a language of another script has 1. It measures words, not grammar: databases "
                "of typology are not part of this project. Horizontal lines: means of the two groups. Made by "
                "`xit paper` from results/scores.csv."
            ),
            draw=lambda: _draw(study),
        ),
    )


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
    """Months, weekdays and units of time by a key that is the same in all languages, in small letters."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    try:
        locale = Locale.parse(code)
    except UnknownLocaleError:
        return {}
    if code in get_global("parent_exceptions"):  # CLDR has another language stand in: French for Haitian
        return {}
    words = {f"month {number}": name for number, name in locale.months["stand-alone"]["wide"].items()}
    words |= {f"day {number}": name for number, name in locale.days["stand-alone"]["wide"].items()}
    words |= {
        unit: names["long"]
        for unit, names in locale.unit_display_names.items()
        if unit.startswith("duration-") and "long" in names
    }
    return {key: name.casefold() for key, name in words.items()}


def points(study: Study, encoder: str) -> dict[str, tuple[float, tuple[float, ...]]]:
    """Of each language but English that has a distance: it, and the mean gain of each seed."""
    cube = gains(study, encoder, study.intermediates)  # [seed, language, target]
    found = {}
    for i, code in enumerate(study.others):
        of_seeds = [seed[~np.isnan(seed)] for seed in cube[:, i]]
        far = distance(code)
        if far is not None and all(map(len, of_seeds)):
            found[code] = (far, tuple(float(values.mean()) for values in of_seeds))
    return found


def groups(study: Study, encoder: str) -> tuple[dict[str, float], dict[str, float]]:
    """The mean gains of the languages of Latin script, and of the others."""
    means = {code: sum(values) / len(values) for code, (_, values) in points(study, encoder).items()}
    latin = {code: value for code, value in means.items() if languages.facts(code).script == LATIN}
    return latin, {code: value for code, value in means.items() if code not in latin}


def _draw(study: Study) -> Any:
    figure, axes = panels(len(study.encoders), PAGE, 1.6, sharey=True)
    for axis, encoder in zip(axes, study.encoders, strict=True):
        found, (latin, others) = points(study, encoder), groups(study, encoder)
        places = {code: found[code][0] for code in latin}
        places |= dict(
            zip(sorted(others), np.linspace(BAND[0] + 0.03, BAND[1] - 0.03, max(len(others), 1)), strict=False)
        )
        axis.axhline(0, color="black", linewidth=0.6)
        axis.axvspan(*BAND, color="#eeeeee", linewidth=0)
        for number, group in enumerate((latin, others)):
            colour, marker = COLOURS[number], "os"[number]
            for i, (code, mean) in enumerate(sorted(group.items(), key=lambda pair: places[pair[0]])):
                seeds = found[code][1]
                axis.plot([places[code]] * 2, [min(seeds), max(seeds)], "-", color=colour, linewidth=0.6)
                axis.plot(places[code], mean, marker, color=colour, markersize=3.5)
                axis.annotate(code, (places[code], mean), (3, (2, -6)[i % 2]), textcoords="offset points", fontsize=6)
            if group:
                ends = BAND if number else (min(places[code] for code in latin) - 0.03, 1)
                axis.plot(ends, [np.mean(list(group.values()))] * 2, "--", color=colour, linewidth=0.8)
        ticks = [tick for tick in (0.2, 0.4, 0.6, 0.8) if tick >= min(places.values(), default=0) - 0.1]
        axis.set_xticks([*ticks, sum(BAND) / 2], [*map(str, ticks), "another script"])
        axis.set_title(encoder)
        axis.set_xlabel("distance of words from the English ones")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("gain, points")
    return figure
