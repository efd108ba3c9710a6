"""`unmask demo`: a comparison on each of the two shipped models, with the rules and the sizes chosen beforehand.

    half        a plan, its rivals at about as many calls, and the other points of the figures: a preset of `compare`
    sentences   the half whose sentences are right or wrong
    english     the half whose texts are English
    whole       both

Every number is computed in the run; nothing is stored. `unmask.reports` shows the result.
"""
