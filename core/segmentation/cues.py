"""Words by which a step of prose shows what it does: propose, weigh, or answer.

English, German, Spanish and French. A word says little alone: how much, the segmenter has learned
(core/segmentation/segmenter.py).
"""

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

PROPOSE = frozenset(
    """
    could might may maybe perhaps possibly possible possibilities suggest suggests suggesting hint
    hints point points bring brings evoke recall reminds related relevant candidate candidates
    shortlist consider considering look looks looking list listing gather collect first start
    starting options option plausible potential likely mentions mention mentioned about worth broad
    also another
    könnte könnten vielleicht möglich mögliche kandidat kandidaten deutet passt zunächst erst auch
    podría podrían quizá quizás posible posibles candidato candidatos sugiere apunta también primero
    pourrait pourraient peut-être possibles candidat candidats suggère évoque aussi d'abord
    """.split()  # noqa: SIM905
)
WEIGH = frozenset(
    """
    but however not isn't doesn't don't no nothing nor never only rather instead whereas while than
    more less too narrower wider broader specific closer closest better best worse fits fit fails
    fail wrong right exactly merely just though although yet unless because since actually wait hmm
    compare compared comparing versus vs between difference keep keeps keeping kept drop drops
    dropping dropped reject rejected exclude excluded discard rule ruled out remove removed goes
    stays stay leave leaves survive survives yes weak strong enough covered duplicate redundant
    overlap separate decide
    aber jedoch nicht kein keine nur eher statt sondern als zu enger weiter genau doch obwohl weil
    bleibt raus behalten streichen verwerfen ausschließen fällt
    pero sin embargo ningún ninguna sólo solo más menos demasiado mejor aunque porque descarto
    descartar queda quedan mantener sobra
    mais cependant pas aucun aucune seulement plutôt que trop moins mieux quoique parce garder
    écarter écarté reste exclu
    """.split()  # noqa: SIM905
)
ANSWER = frozenset(
    """
    answer answers final finally therefore thus so conclusion verdict result labels selected chosen
    antwort ergebnis also endgültig respuesta resultado por tanto réponse résultat donc
    """.split()  # noqa: SIM905
)
NEGATION = re.compile(
    r"\b(?:not|no|isn't|doesn't|don't|never|nothing|nicht|kein\w*|pas|aucun\w*)\b", re.IGNORECASE
)


def cue_words(text: str) -> list[str]:
    """The words of a text in lower case, with their apostrophes."""
    return [found.group().casefold().replace("’", "'") for found in _WORD.finditer(text)]
