"""`unmask demo`: measure, plan, sample and check the promise, on the two shipped models, in about a minute.

    trial     one way to sample: what it was promised to cost, what it cost, what it wrote
    knobs     the setting of a rule at which it takes a wanted number of network calls
    exact     what a plan costs the toy language itself, by enumeration
    grammar   the half whose sentences are right or wrong
    prose     the half whose texts are English
    run       both, and how large everything is

Every number is computed in the run; nothing is stored. `unmask.reports` shows the result.
"""
